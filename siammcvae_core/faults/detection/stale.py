# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Old content shown again: the whole frame (freeze) or its lower rows (tearing).

No sensor delivers the same rows twice, its noise alone forbids it. Decoders do, where an encoder
skipped what did not change, but hardly ever in whole frames. Rows that are repeated to the bit
while those above moved are stale; how many rows below a hood are repeated anyway is learned. After
that first frame a tear delivers rows that are new but late; only its seam tells that it goes on.
"""

import numpy as np

from siammcvae_core.faults.detection.statistics import Change, Statistics

LEAST = 0.08  # of the rows repeated, to be a tear
USUAL = 0.04  # of the rows more than were repeated lately
TEXTURE = 1.0  # grey levels from pixel to pixel of a row that noise or motion would change
MOVED = 0.6  # grey levels the rows above changed on average: below it old content looks like new
FORGET = 0.98  # per frame, of what is usual
BESIDE = 4  # rows either side whose steps a seam is compared with
GOES_ON = 0.3  # of the seam it had
SLIGHT = 0.3  # grey levels: a seam below cannot be followed
CLEAR = 1.5  # grey levels: a seam that cannot be missed
FAINT_FRAMES = 10  # that a fainter seam is followed
LAPSES = 2  # frames without a fainter seam until it counts as gone


class Stale:
    """Finds repeated rows in a stream of frames of one size."""

    def __init__(self) -> None:
        self._usual = 0.0
        self._steps: np.ndarray | None = None
        self._tear: int | None = None
        self._was = 0.0
        self._strength = 0.0
        self._lapses = 0
        self._frames = 0

    def find(self, now: Statistics, change: Change, damaged: bool) -> int:
        """Give the first stale row of a frame that differs from the one before; H without one.

        damaged: whether rows are lost for another reason, so that nothing is learned.
        """
        height = now.size[0]
        steps = now.row_step
        moved = np.flatnonzero(change.rows)
        top = int(moved[-1]) + 1
        share = np.count_nonzero(now.row_detail[top:] >= TEXTURE) / height
        repeated = share >= max(LEAST, self._usual + USUAL)
        if repeated and not damaged and change.rows[:top].mean() >= MOVED:
            self._tear, self._lapses, self._frames = top, 0, 0
            self._was = 0.0 if self._steps is None else _seam(self._steps, top)
            self._strength = _seam(steps, top) - self._was
        elif self._tear is not None:
            self._follow(_seam(steps, self._tear) - self._was)
        elif not damaged:
            self._usual = max(share, FORGET * self._usual)
        if self._tear is None and not damaged:
            self._steps = steps if self._steps is None else 0.5 * (steps + self._steps)
        return height if self._tear is None else self._tear

    def _follow(self, seam: float) -> None:
        """Judge by its seam whether a tear goes on."""
        self._frames += 1
        clear = self._strength >= CLEAR
        believed = clear or self._frames <= FAINT_FRAMES
        if believed and seam >= max(SLIGHT, GOES_ON * self._strength):
            self._strength = 0.5 * (self._strength + seam)
            self._lapses = 0
            return
        self._lapses += 1
        if clear or self._lapses >= LAPSES:
            self._tear = None


def _seam(steps: np.ndarray, row: int) -> float:
    """Compare the step from the row above `row` to it with those around."""
    around = steps[max(row - 1 - BESIDE, 0) : row + BESIDE]
    return float(steps[row - 1]) - float(np.median(around))
