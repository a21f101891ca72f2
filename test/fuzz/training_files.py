# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Data sets, decoded clips and training configurations."""

from pathlib import Path

import cv2
from fuzz.file_kind import FileKind, require
from fuzz.recordings import HEIGHT, masks, pictures, WIDTH, write_video
import numpy as np

CONFIGS = Path(__file__).parents[2] / 'config' / 'train'
LABEL_LAYOUTS = ('davis', 'vip', 'jhmdb')


def _write_configs(folder: Path) -> None:
    for name in ('tiny', 'drive', 'mae'):
        file = CONFIGS / f'{name}.yaml'
        text = file.read_text() if file.exists() else 'steps: 10\n'
        (folder / f'{name}.yaml').write_text(f'{text}\n')


def _read_config(folder: Path, target: Path) -> None:
    from siammcvae_core.train.__main__ import parse
    from siammcvae_core.train.config import TrainConfig

    config = parse(['--config', str(target), 'data.train=drives'])
    require(isinstance(config, TrainConfig), f'{config!r}')
    config.learned_from()


def _write_information(folder: Path) -> None:
    videos, info = folder / 'videos' / 'val', folder / 'info' / '100k' / 'val'
    for below in (videos, info):
        below.mkdir(parents=True)
    (videos / 'drive.mov').write_bytes(b'')
    (info / 'drive.json').write_text('{"timelapse": false, "rideID": "x", "gps": [{"speed": 1}]}')


def _read_information(folder: Path, target: Path) -> None:
    from siammcvae_core.data.layouts import find_clips, is_timelapse

    for clip in find_clips(str(folder), 'val'):
        require(is_timelapse(clip) in (True, False), 'not a bool')


def _write_cache(folder: Path) -> None:
    write_video(folder / 'drive.mkv', pictures(), 'ffv1', 'bgr0')
    _read_cache(folder, folder)


def _read_cache(folder: Path, target: Path) -> None:
    from siammcvae_core.data.cache import FrameCache
    from siammcvae_core.data.layouts import Clip

    cache, clip = FrameCache(folder / 'cache', 10**8, 32), Clip('drive', str(folder / 'drive.mkv'))
    require(cache.survey([clip])[0].name == 'drive', 'facts of another clip')
    cached = cache.open(clip)
    count = len(cached.frames)
    require(cached.frames.dtype == np.uint8 and count > 0, f'{cached.frames.dtype} x {count}')
    require(len(cached.indices) == len(cached.stamps) == count, 'numbers of other frames')


def _write_labels(folder: Path) -> None:
    from scipy.io import savemat  # type: ignore[import-untyped]

    davis, vip, jhmdb = (folder / name for name in LABEL_LAYOUTS)
    images = [davis / 'JPEGImages/480p/v', vip / 'Images/v', jhmdb / 'Rename_Images/walk/v']
    labels = [davis / 'Annotations/480p/v', vip / 'Annotations/Category_ids/v']
    lists = {
        davis / 'ImageSets/2017/val.txt': 'v\n',
        vip / 'lists/val_videos.txt': 'v\n',
        jhmdb / 'splits/walk_test_split1.txt': 'v.avi 2\nw.avi 1\n',
    }
    joints = jhmdb / 'joint_positions/walk/v'
    for below in (*images, *labels, joints, *(path.parent for path in lists)):
        below.mkdir(parents=True)
    for path, text in lists.items():
        path.write_text(text)
    for number, (image, mask) in enumerate(zip(pictures(), masks(), strict=True)):
        for below in images:
            suffix = '.png' if 'Rename_Images' in str(below) else '.jpg'
            cv2.imwrite(str(below / f'{number:05d}{suffix}'), image)
        for below in labels:
            cv2.imwrite(str(below / f'{number:05d}.png'), mask // 255)
    rng = np.random.default_rng(0)
    points = rng.uniform(1, min(HEIGHT, WIDTH), (2, 4, len(pictures())))
    savemat(joints / 'joint_positions.mat', {'pos_img': points})


def _read_labels(folder: Path, target: Path) -> None:
    from siammcvae_core.propagation.layouts import read_frame, read_mask, read_videos

    layout = target.relative_to(folder).parts[0]
    for video in read_videos(folder / layout, layout):
        for file in video.frames:
            require(read_frame(file).ndim == 3, 'a frame that is no picture')
        for file in video.masks:
            require(file is None or read_mask(file).ndim == 2, 'labels that are no picture')
        require(bool(video.masks) or np.isfinite(video.points).all(), 'points that are not finite')


KINDS = (
    FileKind('training configuration', _write_configs, _read_config, needs=('jsonargparse',)),
    FileKind(
        'clip information', _write_information, _read_information, ('info/**/*.json',),
        named=('case',),
    ),
    FileKind(
        'decoded clips', _write_cache, _read_cache, ('cache/*.json', 'cache/*.raw'),
        leaves=('cache/*.json', 'cache/*.raw', 'cache/locks/*'), named=('cache', 'drive.mkv'),
    ),
    # SciPy itself crashes on damaged .mat files.
    FileKind('labels', _write_labels, _read_labels, ('**/*.[jpt]*',), needs=('scipy', 'PIL')),
)  # fmt: skip
