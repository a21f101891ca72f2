# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Black bars at two opposite edges, which recorders add to fit a format: they are not lost."""

import numpy as np

from siammcvae_core.detection.frame_statistics import Statistics
from siammcvae_core.detection.stuck_lines import CONSTANT
from siammcvae_core.faults.masks import CELL

THIN = 4  # px of a bar at least
WIDE = 0.3  # of the side at most
DARK = 24.0  # grey levels


class Bars:
    """The bars of a stream, as its first frame shows them and as long as they stay."""

    def __init__(self, first: Statistics) -> None:
        self.rows, self.columns = (_at_both_ends(lines) for lines in _dark(first))
        self.cells = np.zeros(first.mean.shape, bool)
        self._find_cells()

    def keep(self, now: Statistics) -> None:
        """Drop what is no bar any more: the first frame may have been damaged."""
        if self.rows.any() or self.columns.any():
            rows, columns = _dark(now)
            self.rows &= rows
            self.columns &= columns
            self._find_cells()

    def _find_cells(self) -> None:
        self.cells[:] = _mostly(self.rows)[:, None] | _mostly(self.columns)[None]


def _dark(frame: Statistics) -> tuple[np.ndarray, np.ndarray]:
    """Find the black rows, bool (H,), and columns, bool (W,)."""
    return (
        (frame.row_detail <= CONSTANT) & (frame.row_mean <= DARK),
        (frame.column_detail <= CONSTANT) & (frame.column_mean <= DARK),
    )


def _mostly(lines: np.ndarray) -> np.ndarray:
    filled = np.pad(lines, (0, -lines.size % CELL), mode='edge')
    return filled.reshape(-1, CELL).mean(axis=1) > 0.5


def _at_both_ends(constant: np.ndarray) -> np.ndarray:
    """Keep the runs at both ends, if there are two."""
    bars = np.zeros_like(constant)
    if constant.all():
        return bars
    start, end = int(constant.argmin()), int(constant[::-1].argmin())
    if min(start, end) >= THIN and max(start, end) <= WIDE * constant.size:
        bars[:start] = bars[constant.size - end :] = True
    return bars
