# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A rendered drive whose true labels are known, as DAVIS and VIP; moving points as JHMDB."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
import pytest
from support.threads import one_thread  # noqa: F401  (autouse)
import torch
from torch import Tensor

from siammcvae_core.propagation.features import FrameEncoder
from siammcvae_core.simulation.drive import DriveSim

WIDTH, HEIGHT, FRAMES = 72, 48, 6
PALETTE = [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, 0, 0, 128] + [0] * (256 * 3 - 15)

Describe = Callable[[list[Path], np.ndarray], FrameEncoder]


@pytest.fixture(scope='session')
def drive() -> tuple[list[np.ndarray], np.ndarray]:
    """Render frames and labels uint8 (T, H, W): 0 or one of four things that are well in sight."""
    sim = DriveSim((WIDTH, HEIGHT), rate=10, frames=FRAMES)
    things = np.stack([sim.labels(i) for i in range(FRAMES)])
    found, counts = np.unique(things[0], return_counts=True)
    chosen = found[np.argsort(counts)[-4:]]
    labels = sum((things == thing) * (i + 1) for i, thing in enumerate(chosen))
    assert min(np.bincount(labels[0].ravel())) > 30
    return [sim.render(i) for i in range(FRAMES)], labels.astype(np.uint8)


@pytest.fixture
def as_davis(tmp_path: Path) -> Callable[..., Path]:
    """Write a video and its labels in the layout of DAVIS 2017; PNGs with a palette."""

    def write(frames: list[np.ndarray], labels: np.ndarray, name: str = 'drive') -> Path:
        root = tmp_path / 'DAVIS'
        images, masks = (root / kind / '480p' / name for kind in ('JPEGImages', 'Annotations'))
        listing = root / 'ImageSets' / '2017' / 'val.txt'
        for folder in (images, masks, listing.parent):
            folder.mkdir(parents=True, exist_ok=True)
        for i, (frame, mask) in enumerate(zip(frames, labels, strict=True)):
            cv2.imwrite(str(images / f'{i:05d}.jpg'), frame)
            picture = Image.fromarray(mask).convert('P')
            picture.putpalette(PALETTE)
            picture.putdata(mask.ravel().tolist())
            picture.save(masks / f'{i:05d}.png')
        with listing.open('a') as file:
            file.write(f'{name}\n')
        return root

    return write


@pytest.fixture
def as_vip(tmp_path: Path) -> Callable[..., Path]:
    """Write a video in the layout of VIP; grey PNGs, every `every`-th frame labelled."""

    def write(frames: list[np.ndarray], labels: np.ndarray, every: int = 1) -> Path:
        root = tmp_path / 'VIP'
        images, masks = root / 'Images' / 'v1', root / 'Annotations' / 'Category_ids' / 'v1'
        for folder in (images, masks, root / 'lists'):
            folder.mkdir(parents=True)
        (root / 'lists' / 'val_videos.txt').write_text('v1\n')
        for i, (frame, mask) in enumerate(zip(frames, labels, strict=True)):
            cv2.imwrite(str(images / f'{i:012d}.jpg'), frame)
            if i % every == 0:
                cv2.imwrite(str(masks / f'{i:012d}.png'), mask)
        return root

    return write


@pytest.fixture
def as_jhmdb(tmp_path: Path) -> Callable[..., Path]:
    """Write a video in the layout of JHMDB; `points` (T, J, 2) are pixels from 0."""
    io = pytest.importorskip('scipy.io', reason='needs SciPy')

    def write(frames: list[np.ndarray], points: np.ndarray) -> Path:
        root = tmp_path / 'JHMDB'
        images = root / 'Rename_Images' / 'walk' / 'one'
        joints = root / 'joint_positions' / 'walk' / 'one'
        for folder in (images, joints, root / 'splits'):
            folder.mkdir(parents=True)
        (root / 'splits' / 'walk_test_split1.txt').write_text('one.avi 2\nother.avi 1\n')
        for i, frame in enumerate(frames):
            cv2.imwrite(str(images / f'{i + 1:05d}.png'), frame)
        io.savemat(joints / 'joint_positions.mat', {'pos_img': points.transpose(2, 1, 0) + 1.0})
        return root

    return write


@pytest.fixture
def true_features() -> Describe:
    """Make features that know each pixel's code: equal codes are alike, others are not at all."""

    def make(paths: list[Path], codes: np.ndarray) -> FrameEncoder:
        known = {}
        for path, code in zip(paths, codes, strict=True):
            known[cv2.imread(str(path))[..., ::-1].tobytes()] = torch.from_numpy(code).flatten()
        assert len(known) == len(paths)
        most = int(codes.max()) + 1

        def describe(rgb: Tensor) -> Tensor:
            code = known[rgb[0].permute(1, 2, 0).numpy().tobytes()].long()
            return torch.nn.functional.one_hot(code, most)[None].float()

        return FrameEncoder(describe, patch=1, side=min(codes.shape[1:]))

    return make
