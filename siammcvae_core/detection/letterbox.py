# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Letterbox: black bars at two opposite edges, which recorders add to fit a format; not a fault.

A line belongs to a bar if its mean step is at most 0.02 and its mean brightness at most 24 grey
levels, in a run of 4 px to 30 % of the side at both ends.
"""

import numpy as np

from siammcvae_core.detection.frame_statistics import FrameStatistics
from siammcvae_core.detection.stuck_lines import CONSTANT
from siammcvae_core.faults.masks import CELL

THIN = 4  # px of a bar at least
WIDE = 0.3  # of the side at most
DARK = 24.0  # grey levels


class Letterbox:
    """The bars that a stream's first frame shows, for as long as they stay.

    rows, columns: bool (H,), (W,). cells: bool (R, C), those that lie in bars for the most part.
    """

    def __init__(self, first: FrameStatistics) -> None:
        self.rows, self.columns = (_at_both_ends(lines) for lines in _dark(first))
        self.cells = np.zeros(first.mean.shape, bool)
        self._mark_cells()

    def update(self, now: FrameStatistics) -> None:
        """Drop lines that are black no more: the first frame may have been damaged."""
        if self.rows.any() or self.columns.any():
            rows, columns = _dark(now)
            self.rows &= rows
            self.columns &= columns
            self._mark_cells()

    def _mark_cells(self) -> None:
        self.cells[:] = _mostly(self.rows)[:, None] | _mostly(self.columns)[None]


def _dark(frame: FrameStatistics) -> tuple[np.ndarray, np.ndarray]:
    """Find the black rows, bool (H,), and columns, bool (W,)."""
    return (
        (frame.row_detail <= CONSTANT) & (frame.row_mean <= DARK),
        (frame.column_detail <= CONSTANT) & (frame.column_mean <= DARK),
    )


def _mostly(lines: np.ndarray) -> np.ndarray:
    """Tell of which cells more than half of the lines are True: bool (lines / 16,)."""
    filled = np.pad(lines, (0, -lines.size % CELL), mode='edge')
    return filled.reshape(-1, CELL).mean(axis=1) > 0.5


def _at_both_ends(dark: np.ndarray) -> np.ndarray:
    """Keep the runs at both ends, if there are two of a bar's size: bool (n,)."""
    bars = np.zeros_like(dark)
    if dark.all():
        return bars
    start, end = int(dark.argmin()), int(dark[::-1].argmin())
    if min(start, end) >= THIN and max(start, end) <= WIDE * dark.size:
        bars[:start] = bars[dark.size - end :] = True
    return bars
