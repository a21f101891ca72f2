# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Statistics of a frame that the detector works on, per cell of 16 x 16 px, per row and per column.

Every pixel is looked at (a dead row is one pixel high), but only by whole-image operations; all
tests of the detector work on these numbers. With I(y, x) the brightness in grey levels, the steps
between neighbours are

    along(y, x) = |I(y, x + 1) - I(y, x)|        down(y, x) = |I(y + 1, x) - I(y, x)|

and `detail` is their mean within a cell, both directions added. Cells that the frame's edge cuts
off are filled up with the last row or column.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from siammcvae_core.faults.masks import CELL

NEIGHBOURHOOD = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class FrameStatistics:
    """Statistics of one frame of `size` (H, W) with R x C cells; all in grey levels.

    grey: uint8 (16 R, 16 C), brightness.
    quarter: uint8 (4 R, 4 C), brightness at a quarter of the resolution.
    colours: uint8 (R, C, 3) or (R, C), the pixel in the middle of each cell.
    mean: float32 (R, C), mean brightness.
    detail: float32 (R, C), mean of `along` plus mean of `down` within the cell.
    max_step, max_step_down: uint8 (R, C), largest step within the cell: of both directions, and of
    `down` alone.
    border_right, border_below: float32 (R, C), mean step across the border to the next cell; 0 in
    the last column or row.
    row_detail, row_step, row_mean: float32 (H,), mean of `along` in a row, mean of `down` from it
    to the next row (last: 0), mean brightness.
    column_detail, column_step, column_mean: float32 (W,), the same of columns.
    """

    size: tuple[int, int]
    grey: np.ndarray
    quarter: np.ndarray
    colours: np.ndarray
    mean: np.ndarray
    detail: np.ndarray
    max_step: np.ndarray
    max_step_down: np.ndarray
    border_right: np.ndarray
    border_below: np.ndarray
    row_detail: np.ndarray
    row_step: np.ndarray
    row_mean: np.ndarray
    column_detail: np.ndarray
    column_step: np.ndarray
    column_mean: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Size and number of dimensions: only frames in which these agree can be compared."""
        return (*self.size, self.colours.ndim)


@dataclass(frozen=True, eq=False)
class FrameDifference:
    """Differences of a frame I to the frame J before it, of the same size; in grey levels.

    mean: float32 (R, C), mean |I - J| of each cell.
    rows: float32 (H,), mean |I - J| of each row.
    seams: float32 (H,), mean |I(y + 1, x) - J(y, x)|, the step from row y of the frame before to
    the next row of this one (last: 0).
    """

    mean: np.ndarray
    rows: np.ndarray
    seams: np.ndarray


@dataclass(frozen=True, eq=False)
class FramePair:
    """Statistics of a frame and of the one before, of one shape.

    usable: bool (R, C), cells not lost for another reason in either. burnt: bool (R, C), white
    cells of this frame. alone: whether no other fault came or went, so that an event may begin.
    stamp: seconds.
    """

    now: FrameStatistics
    before: FrameStatistics
    usable: np.ndarray
    burnt: np.ndarray
    alone: bool
    stamp: float

    @property
    def reversed(self) -> 'FramePair':
        """The same pair read backwards in time."""
        return replace(self, now=self.before, before=self.now)


def measure(frame: np.ndarray) -> FrameStatistics:
    """Compute the statistics of a frame, uint8 (H, W, 3) BGR or (H, W)."""
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
    border_right = along_sums[:, CELL - 1 :: CELL] * np.float32(1 / CELL)
    steps = _cell_sums(along_sums) - CELL * border_right + _cell_sums(down_sums)
    detail = steps * np.float32(1 / (CELL * (CELL - 1)))
    max_along = strips_along.max(axis=1)
    max_along[:, CELL - 1 :: CELL] = 0
    max_down = cell_max(strips_down[:, :-1].max(axis=1))
    middle = frame[
        np.minimum(np.arange(CELL // 2, tall, CELL), height - 1)[:, None],
        np.minimum(np.arange(CELL // 2, wide, CELL), width - 1)[None],
    ]
    return FrameStatistics(
        (height, width),
        grey,
        _half_size(_half_size(grey)),
        middle,
        _cell_sums(grey.reshape(-1, CELL, wide).sum(axis=1, dtype=np.uint16)) / CELL**2,
        detail,
        np.maximum(cell_max(max_along), max_down),
        max_down,
        border_right,
        _cell_sums(below) * np.float32(1 / CELL),
        _sums(along, 1)[:height] / width,
        _sums(down, 1)[:height] / width,
        _sums(grey, 1)[:height] / wide,
        _sums(down, 0)[:width] / height,
        _sums(along, 0)[:width] / height,
        _sums(grey, 0)[:width] / tall,
    )


def compare(now: FrameStatistics, before: FrameStatistics) -> FrameDifference:
    """Compute the differences of two frames of one shape."""
    difference = cv2.absdiff(now.grey, before.grey)
    height, width = now.size
    strips = difference.reshape(-1, CELL, difference.shape[1])
    seams = np.zeros(height, np.float32)
    if height > 1:
        seams[:-1] = _sums(cv2.absdiff(now.grey[1:height], before.grey[: height - 1]), 1) / width
    return FrameDifference(
        _cell_sums(strips.sum(axis=1, dtype=np.uint16)) / CELL**2,
        _sums(difference, 1)[:height] / width,
        seams,
    )


def dilated(cells: np.ndarray) -> np.ndarray:
    """Add the neighbours of True cells, diagonal ones too: bool (R, C)."""
    grown: np.ndarray = cv2.dilate(cells.view(np.uint8), NEIGHBOURHOOD) > 0
    return grown


def root_mean_square(values: np.ndarray) -> float:
    """Compute sqrt(mean(v^2)); 0 of an empty array."""
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else 0.0


def _half_size(grey: np.ndarray) -> np.ndarray:
    size = (grey.shape[1] // 2, grey.shape[0] // 2)
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def _sums(image: np.ndarray, axis: int) -> np.ndarray:
    """Sum a uint8 image along an axis: float32."""
    return cv2.reduce(image, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel().astype(np.float32)


def _cell_sums(strips: np.ndarray) -> np.ndarray:
    """Sum (R, W) over runs of 16 columns: float32 (R, C)."""
    rows, wide = strips.shape
    size = (wide // CELL, rows)
    return cv2.resize(strips.astype(np.float32), size, interpolation=cv2.INTER_AREA) * CELL


def cell_max(strips: np.ndarray, side: int = CELL) -> np.ndarray:
    """Take the maximum of (R, side * C) over runs of `side` columns: (R, C)."""
    columns = np.ascontiguousarray(strips.T)
    return np.ascontiguousarray(columns.reshape(-1, side, len(strips)).max(axis=1).T)
