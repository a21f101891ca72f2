# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the detector knows of a frame: numbers per 16 px cell, row and column, at a few ms a frame.

Every pixel is looked at (a dead row is one pixel high), but only by whole-image operations; all
that follows works on these numbers. A cell that the frame's edge cuts off is filled up with the
last row or column.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.faults.masks import CELL

NEXT = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class Statistics:
    """Numbers of one frame of `size` (H, W); R x C cells. Steps and levels are in grey levels.

    grey: uint8 (16 R, 16 C), the frame's brightness.
    small: uint8 (4 R, 4 C), grey at a quarter of the size.
    colours: uint8 (R, C, 3) or (R, C), the pixel in the middle of each cell.
    mean: float32 (R, C), mean brightness.
    detail: float32 (R, C), mean step from pixel to pixel within the cell, both directions added.
    roughest, roughest_down: uint8 (R, C), the largest such step, and from row to row only.
    right, below: float32 (R, C), mean step across the border to the next cell; 0 in the last.
    row_detail, row_step, row_mean: float32 (H,), mean step along a row, mean step from it to the
    next (last: 0), and its mean brightness.
    column_detail, column_step, column_mean: float32 (W,), likewise for columns.
    """

    size: tuple[int, int]
    grey: np.ndarray
    small: np.ndarray
    colours: np.ndarray
    mean: np.ndarray
    detail: np.ndarray
    roughest: np.ndarray
    roughest_down: np.ndarray
    right: np.ndarray
    below: np.ndarray
    row_detail: np.ndarray
    row_step: np.ndarray
    row_mean: np.ndarray
    column_detail: np.ndarray
    column_step: np.ndarray
    column_mean: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Tell frames apart that cannot be compared."""
        return (*self.size, self.colours.ndim)


@dataclass(frozen=True, eq=False)
class Change:
    """How a frame differs from the one before, of the same size.

    mean: float32 (R, C), mean absolute difference. rows: float32 (H,), the same per row.
    seams: float32 (H,), mean step from each row of the frame before to the next row of this one
    (last: 0).
    """

    mean: np.ndarray
    rows: np.ndarray
    seams: np.ndarray


def measure(frame: np.ndarray) -> Statistics:
    """Measure a frame, uint8 (H, W, 3) BGR or (H, W)."""
    height, width = frame.shape[:2]
    grey = frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    grey = cv2.copyMakeBorder(grey, 0, -height % CELL, 0, -width % CELL, cv2.BORDER_REPLICATE)
    tall, wide = grey.shape
    along, down = np.zeros_like(grey), np.zeros_like(grey)
    cv2.absdiff(grey[:, 1:], grey[:, :-1], along[:, :-1])
    cv2.absdiff(grey[1:], grey[:-1], down[:-1])
    strips_along = along.reshape(-1, CELL, wide)  # (R, 16, W)
    strips_down = down.reshape(-1, CELL, wide)
    along_sums = strips_along.sum(axis=1, dtype=np.uint16)  # (R, W)
    below = strips_down[:, -1]
    down_sums = strips_down[:, :-1].sum(axis=1, dtype=np.uint16)
    right = along_sums[:, CELL - 1 :: CELL] * np.float32(1 / CELL)
    inner = CELL * (CELL - 1)
    detail = (_cell_sums(along_sums) - CELL * right + _cell_sums(down_sums)) * np.float32(1 / inner)
    roughest_along = strips_along.max(axis=1)
    roughest_along[:, CELL - 1 :: CELL] = 0
    roughest_down = cell_max(strips_down[:, :-1].max(axis=1))
    middle = frame[
        np.minimum(np.arange(CELL // 2, tall, CELL), height - 1)[:, None],
        np.minimum(np.arange(CELL // 2, wide, CELL), width - 1)[None],
    ]
    return Statistics(
        (height, width),
        grey,
        _halved(_halved(grey)),
        middle,
        _cell_sums(grey.reshape(-1, CELL, wide).sum(axis=1, dtype=np.uint16)) / CELL**2,
        detail,
        np.maximum(cell_max(roughest_along), roughest_down),
        roughest_down,
        right,
        _cell_sums(below) * np.float32(1 / CELL),
        _sums(along, 1)[:height] / width,
        _sums(down, 1)[:height] / width,
        _sums(grey, 1)[:height] / wide,
        _sums(down, 0)[:width] / height,
        _sums(along, 0)[:width] / height,
        _sums(grey, 0)[:width] / tall,
    )


def compare(now: Statistics, before: Statistics) -> Change:
    """Compare two frames of one size."""
    difference = cv2.absdiff(now.grey, before.grey)
    height, width = now.size
    strips = difference.reshape(-1, CELL, difference.shape[1])
    seams = np.zeros(height, np.float32)
    if height > 1:
        seams[:-1] = _sums(cv2.absdiff(now.grey[1:height], before.grey[: height - 1]), 1) / width
    return Change(
        _cell_sums(strips.sum(axis=1, dtype=np.uint16)) / CELL**2,
        _sums(difference, 1)[:height] / width,
        seams,
    )


def beside(cells: np.ndarray) -> np.ndarray:
    """Add the cells next to some, also diagonally: bool (R, C)."""
    around: np.ndarray = cv2.dilate(cells.view(np.uint8), NEXT) > 0
    return around


def _halved(grey: np.ndarray) -> np.ndarray:
    size = (grey.shape[1] // 2, grey.shape[0] // 2)
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def _sums(image: np.ndarray, axis: int) -> np.ndarray:
    """Sum an uint8 image along an axis: float32."""
    return cv2.reduce(image, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel().astype(np.float32)


def _cell_sums(strips: np.ndarray) -> np.ndarray:
    """Sum (R, W) over runs of 16 columns: float32 (R, C)."""
    rows, wide = strips.shape
    size = (wide // CELL, rows)
    return cv2.resize(strips.astype(np.float32), size, interpolation=cv2.INTER_AREA) * CELL


def cell_max(strips: np.ndarray, side: int = CELL) -> np.ndarray:
    """Find the highest of (R, side * C) over runs of `side` columns: (R, C)."""
    columns = np.ascontiguousarray(strips.T)
    return np.ascontiguousarray(columns.reshape(-1, side, len(strips)).max(axis=1).T)
