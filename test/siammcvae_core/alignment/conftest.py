# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A textured plane filmed by a camera whose motion changes from frame to frame."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from siammcvae_core.motion.references import ReferenceFrame, References

SIZE = (160, 240)
STAMPS = (0.0, 0.1, 0.2)


@pytest.fixture(scope='session')
def film() -> Callable[..., list[np.ndarray]]:
    """Film the plane: one frame per camera pose (x, y, zoom), all in pixels of the frame."""
    rng = np.random.default_rng(5)
    plane = np.zeros((480, 640, 3), np.float32)
    for sigma in (2, 6, 18):
        noise = rng.standard_normal(plane.shape).astype(np.float32)
        plane += sigma * cv2.GaussianBlur(noise, (0, 0), sigma)
    plane = cv2.normalize(plane, None, 10, 245, cv2.NORM_MINMAX).astype(np.uint8)

    def film(*poses: tuple[float, float, float], size: tuple[int, int] = SIZE) -> list[np.ndarray]:
        frames = []
        for x, y, zoom in poses:
            left, top = 320 + x - size[1] / 2 / zoom, 240 + y - size[0] / 2 / zoom
            matrix = np.array([[1 / zoom, 0, left], [0, 1 / zoom, top]])
            flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
            frames.append(cv2.warpAffine(plane, matrix, size[::-1], flags=flags))
        return frames

    return film


@pytest.fixture(scope='session')
def references() -> Callable[..., References]:
    """Make references of two frames, the older one first."""

    def references(older: np.ndarray, newer: np.ndarray) -> References:
        return References((ReferenceFrame(newer, STAMPS[1]), ReferenceFrame(older, STAMPS[0])))

    return references


@pytest.fixture(scope='session')
def scattered() -> np.ndarray:
    """Lose three of four 16 px cells of a frame of SIZE."""
    cells = np.random.default_rng(1).random((SIZE[0] // 16, SIZE[1] // 16)) < 0.75
    return cells.repeat(16, 0).repeat(16, 1)
