# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Propagates the labels of one video: segments as shares of each patch, joints as heat maps."""

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch import Tensor

from siammcvae_core.errors import SourceError
from siammcvae_core.model.patches import Grid
from siammcvae_core.propagation.affinity import PropagationSettings, Propagator
from siammcvae_core.propagation.features import FrameEncoder
from siammcvae_core.propagation.layouts import read_frame, read_mask, Video

SPOT = 0.5
"""Standard deviation of a joint's heat map in patches."""
PEAK = 5
"""Patches whose mean position, weighted by heat, is that of a joint."""


def carry_masks(
    video: Video, features: FrameEncoder | None, settings: PropagationSettings
) -> Iterator[np.ndarray]:
    """Predict the labels of each frame, uint8 of its size; the first are the true ones.

    Without `features` labels stay where they are in the first frame.
    """
    first = read_mask(video.first_mask)
    yield first
    if features is None:
        yield from [first] * (len(video.frames) - 1)
        return
    classes = np.unique(first)
    height, width = first.shape
    for shares in _carry(video, features, settings, _shares(first, classes, features)):
        # One plane at a time: OpenCV resizes no more than four together.
        full = [cv2.resize(plane, (width, height)) for plane in shares]
        yield classes[np.argmax(full, axis=0)]


def carry_points(
    video: Video, features: FrameEncoder | None, settings: PropagationSettings
) -> np.ndarray:
    """Predict the joints of each frame, (T, J, 2) px, NaN where a joint got lost.

    Without `features` joints stay where they are in the first frame.
    """
    first = video.points[0]
    predicted = np.repeat(first[None], len(video.frames), 0)
    if features is None:
        return predicted
    size = read_frame(video.frames[0]).shape[:2]
    grid = features.grid((size[0], size[1]))
    cell = np.array([size[1] / grid[1], size[0] / grid[0]])  # px per patch, x and y
    heat = _spots((first + 0.5) / cell - 0.5, grid)
    for index, shares in enumerate(_carry(video, features, settings, heat), start=1):
        predicted[index] = (_peaks(shares) + 0.5) * cell - 0.5
    return predicted


def within(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Tell which points (J, 2) px lie in a frame of `size` (height, width), bool (J,)."""
    return np.all((points > -0.5) & (points < np.array(size[::-1]) - 0.5), axis=-1)


def _carry(
    video: Video, features: FrameEncoder, settings: PropagationSettings, labels: np.ndarray
) -> Iterator[np.ndarray]:
    """Propagate labels (C, h, w) of the first frame through the others."""
    count, *grid = labels.shape
    encoded = features(read_frame(video.frames[0]))
    flat = torch.from_numpy(labels.reshape(count, -1).T.copy()).to(encoded)
    propagator = Propagator(encoded, flat, (grid[0], grid[1]), settings)
    for path in video.frames[1:]:
        encoded = features(read_frame(path))
        if encoded.shape[0] != flat.shape[0]:
            raise SourceError(f'{path}: not of the size of the first frame of the video')
        yield _planes(propagator.step(encoded), (grid[0], grid[1]))


def _planes(labels: Tensor, grid: Grid) -> np.ndarray:
    return labels.T.reshape(-1, *grid).float().cpu().numpy()


def _shares(mask: np.ndarray, classes: np.ndarray, features: FrameEncoder) -> np.ndarray:
    """Compute the share of each class in each patch, float32 (C, h, w)."""
    rows, columns = features.grid((mask.shape[0], mask.shape[1]))
    planes = [(mask == c).astype(np.float32) for c in classes]
    return np.stack([cv2.resize(p, (columns, rows), interpolation=cv2.INTER_AREA) for p in planes])


def _spots(points: np.ndarray, grid: Grid) -> np.ndarray:
    """Draw a heat map exp(-r^2 / (2 * 0.5^2)) around each point (J, 2) in patches: (J, h, w)."""
    rows, columns = np.indices(grid)
    away = (columns - points[:, 0, None, None]) ** 2 + (rows - points[:, 1, None, None]) ** 2
    heat = np.exp(-away / (2 * SPOT**2))
    return np.where(away <= (3 * SPOT + 1) ** 2, heat, 0).astype(np.float32)


def _peaks(heat: np.ndarray) -> np.ndarray:
    """Find the peak of each heat map (J, h, w): (J, 2) in patches, NaN where there is no heat."""
    flat = heat.reshape(len(heat), -1)
    best = np.argsort(flat, axis=1)[:, -PEAK:]  # (J, PEAK)
    weight = np.take_along_axis(flat, best, 1)
    rows, columns = np.divmod(best, heat.shape[2])
    with np.errstate(invalid='ignore'):
        weight = weight / weight.sum(1, keepdims=True)
    return np.stack([(columns * weight).sum(1), (rows * weight).sum(1)], -1)
