# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The folders of DAVIS 2017, JHMDB and VIP: videos and the labels of their frames."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from siammcvae_core.data.pictures import read_picture
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.frames import format_size

PICTURES = ('.jpg', '.jpeg', '.png')


@dataclass(frozen=True, eq=False)
class Video:
    """A video with labels, from its first labelled frame on.

    `frames` are picture files. `masks` are the label files of its frames, None where a frame has
    none; `points` (T, J, 2) are the joints of its frames, x and y in pixels from 0. A video has
    one of the two.
    """

    name: str
    frames: tuple[Path, ...]
    masks: tuple[Path | None, ...] = ()
    points: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 2)))

    @property
    def first_mask(self) -> Path:
        """The labels that are carried on."""
        return next(mask for mask in self.masks if mask is not None)


def davis(root: Path, split: str) -> list[Video]:
    """Read `JPEGImages/480p/VIDEO/*.jpg`, `Annotations/480p/VIDEO/*.png`.

    The videos are those of `ImageSets/2017/SPLIT.txt`.
    """
    images, labels = root / 'JPEGImages' / '480p', root / 'Annotations' / '480p'
    names = _listed(root / 'ImageSets' / '2017' / f'{split}.txt')
    return [_masked(name, images / name, labels / name) for name in names]


def vip(root: Path, split: str) -> list[Video]:
    """Read `Images/VIDEO/*.jpg` and `Annotations/Category_ids/VIDEO/*.png`.

    The videos are those of `lists/SPLIT_videos.txt`.
    """
    images, labels = root / 'Images', root / 'Annotations' / 'Category_ids'
    names = _listed(root / 'lists' / f'{split}_videos.txt')
    return [_masked(name, images / name, labels / name) for name in names]


def jhmdb(root: Path, split: str) -> list[Video]:
    """Read `Rename_Images/CLASS/VIDEO/*.png`, `joint_positions/CLASS/VIDEO/joint_positions.mat`.

    The videos are those marked 2 (for test) in `splits/CLASS_SPLIT.txt`, such as `test_split1`.
    """
    lists = sorted((root / 'splits').glob(f'*_{split}.txt'))
    if not lists:
        raise InputError(f'{root / "splits"}: no CLASS_{split}.txt')
    videos = []
    for path in lists:
        kind = path.name.removesuffix(f'_{split}.txt')
        marked = [line.split() for line in _words(path).splitlines() if line.strip()]
        names = [words[0].removesuffix('.avi') for words in marked if words[1:] == ['2']]
        videos += [_jointed(root, kind, name) for name in names]
    return videos


LAYOUTS: dict[str, tuple[Callable[[Path, str], list[Video]], str]] = {
    'davis': (davis, 'val'),
    'jhmdb': (jhmdb, 'test_split1'),
    'vip': (vip, 'val'),
}
"""By name, what reads a layout and the split that is measured by default."""


def read_videos(root: Path, layout: str, split: str = '') -> list[Video]:
    """Find the labelled videos of a data set; raises `InputError` for what is not there."""
    if not root.is_dir():
        raise InputError(f'{root}: no such folder')
    read, usual = LAYOUTS[layout]
    try:
        videos = read(root, split or usual)
    except OSError as error:
        where = error.filename or root
        raise InputError(f'{where}: cannot be read: {error.strerror}') from error
    if not videos:
        raise InputError(f'{root}: no videos in split {split or usual!r}')
    return videos


def read_frame(path: Path) -> np.ndarray:
    """Read a picture, uint8 (H, W, 3) BGR; raises SourceError."""
    image = read_picture(path, cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f'{path}: not a readable picture')
    return image


def read_mask(path: Path) -> np.ndarray:
    """Read labels, uint8 (H, W), from a PNG with a palette or in grey; raises SourceError."""
    try:
        with Image.open(path) as image:
            labels = np.asarray(image)
    except Exception as error:  # Pillow raises whatever its parsers stumble over
        raise SourceError(f'{path}: not readable labels: {error}') from error
    if labels.dtype != np.uint8 or labels.ndim != 2:
        came = f'{labels.dtype}, {format_size(labels.shape)}'
        raise SourceError(f'{path}: labels must be a PNG with a palette or in grey, got {came}')
    return labels


def _listed(path: Path) -> list[str]:
    if not path.is_file():
        raise InputError(f'{path}: no such list of videos')
    return _words(path).split()


def _words(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f'{path}: not a readable list of videos: {error}') from error


def _masked(name: str, images: Path, labels: Path) -> Video:
    frames = _pictures(images)
    masks = [labels / f'{frame.stem}.png' for frame in frames]
    known = [mask if mask.is_file() else None for mask in masks]
    first = next((i for i, mask in enumerate(known) if mask), None)
    if first is None:
        raise InputError(f'{labels}: no labels for any frame of {images}')
    return Video(name, tuple(frames[first:]), tuple(known[first:]))


def _jointed(root: Path, kind: str, name: str) -> Video:
    frames = _pictures(root / 'Rename_Images' / kind / name)
    points = _joints(root / 'joint_positions' / kind / name / 'joint_positions.mat')
    count = min(len(frames), len(points))
    return Video(f'{kind}/{name}', tuple(frames[:count]), points=points[:count])


def _joints(path: Path) -> np.ndarray:
    try:
        from scipy.io import loadmat  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        raise InputError(f'{path}: needs SciPy; install it with: pip install scipy') from error
    if not path.is_file():
        raise InputError(f'{path}: no such file')
    try:
        points = loadmat(path)['pos_img']  # (2, J, T), counted from 1
    except Exception as error:  # SciPy raises whatever its parsers stumble over
        raise SourceError(f'{path}: not readable joints: {error}') from error
    if points.ndim != 3 or points.shape[0] != 2:
        raise SourceError(f'{path}: pos_img must be (2, joints, frames), got {tuple(points.shape)}')
    return points.transpose(2, 1, 0).astype(float) - 1


def _pictures(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.glob('*') if p.suffix.lower() in PICTURES)
    if not found:
        raise InputError(f'{folder}: no pictures')
    return found
