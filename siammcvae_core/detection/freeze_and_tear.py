# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Old content shown again: the whole frame (freeze) or its lower rows (tearing).

No sensor delivers the same rows twice, its noise alone forbids it. Decoders do, where an encoder
skipped what did not change, but hardly ever in whole frames. Rows that are repeated to the bit
while those above moved are stale; how many rows below a hood are repeated anyway is learned. After
that first frame a tear delivers rows that are new but a frame late: they fit on to the upper rows
of the frame before, and no more to those above them. Segments along the seam vote on it. Whether a
tear goes on is asked where its seam is known: the odds of frame after frame are summed up.
"""

import cv2
import numpy as np

from siammcvae_core.detection.frame_statistics import Change, Statistics
from siammcvae_core.faults.masks import CELL

LEAST = 0.08  # of the rows repeated, to be a tear
USUAL = 0.04  # of the rows more than were repeated lately
TEXTURE = 1.0  # grey levels from pixel to pixel of a row that noise or motion would change
MOVED = 0.4  # grey levels the rows above changed on average: below it old content looks like new
FORGET = 0.98  # per frame, of what is usual
DECIDED = 0.5  # grey levels by which a segment fits better to one than to the other, to vote
PEAKS = 3  # rows looked at for a seam that nobody saw begin
BESIDE = 2  # rows around, either side, that a seam is told from
SURE = 0.6  # votes of a row above those around it, summed up over frames, that make a tear
DOUBT = 0.3  # of such a sum per frame: what stands still on the hood is a weak seam
ODDS = (0.84, 0.68, -1.2)
"""Logarithm of the odds of a seam: per standard error by which it fits better to the frame before
than the rows around do, per standard error by which it fits better to it than to its own frame, and
without any. Fitted by logistic regression on torn and intact frames of the training clips."""
CLEAR = (6.0, 4.0)  # standard errors that tell no more, for a seam and against it
BLUNT = 0.05  # grey levels; segments that agree to less say nothing the surer for it
MOST = 3.5  # of such odds, summed up over frames: a tear ends when they are used up
EDGE = 0.04  # of the height at the top and at the bottom where no seam is looked for


class Stale:
    """Finds repeated rows in a stream of frames of one size."""

    def __init__(self) -> None:
        self._usual = 0.0
        self._tear: int | None = None
        self._sum = 0.0
        self._suspects: dict[int, float] = {}
        self._sharp: np.ndarray | None = None

    def find(self, now: Statistics, before: Statistics, change: Change, damaged: bool) -> int:
        """Give the first stale row of a frame that differs from the one before; H without one.

        damaged: whether rows are lost for another reason, so that nothing is learned or begins.
        """
        height = now.size[0]
        moved = np.flatnonzero(change.rows)
        top = int(moved[-1]) + 1
        share = np.count_nonzero(now.row_detail[top:] >= TEXTURE) / height
        repeated = share >= max(LEAST, self._usual + USUAL)
        if repeated and not damaged and change.rows[:top].mean() >= MOVED:
            self._tear, self._sum = top, MOST
        elif self._tear is not None:
            self._follow(_odds(*_seam(now, before, self._tear)))
        elif not damaged:
            self._usual = max(share, FORGET * self._usual)
            self._search(now, before, change)
        return height if self._tear is None else self._tear

    def _follow(self, odds: float) -> None:
        """Judge by the odds of its seam whether a tear goes on."""
        self._sum = min(self._sum + odds, MOST)
        if self._sum <= 0:
            self._tear, self._sharp, self._suspects = None, None, {}

    def _search(self, now: Statistics, before: Statistics, change: Change) -> None:
        """Look for a seam that the stream began with, or whose first frame repeated no rows."""
        fits = now.row_step - change.seams
        sharp = fits - cv2.dilate(fits[:, None], _AROUND).ravel()
        self._sharp = sharp if self._sharp is None else np.maximum(0.7 * self._sharp, 0) + sharp
        edge = max(BESIDE + 1, round(EDGE * fits.size))
        if fits.size <= 2 * edge + PEAKS:
            return
        suspects = {row: total - DOUBT for row, total in self._suspects.items() if total > DOUBT}
        for row in (edge + 1 + np.argpartition(self._sharp[edge:-edge], -PEAKS)[-PEAKS:]).tolist():
            votes, around = _votes(*_seam(now, before, row))
            suspects[row] = suspects.get(row, 0.0) + min(votes, votes - around)
        self._suspects = suspects
        row, total = max(suspects.items(), key=lambda item: item[1], default=(0, 0.0))
        if total >= SURE:
            self._tear, self._sum = row, MOST


_AROUND = np.ones((2 * BESIDE + 1, 1), np.uint8)
_AROUND[BESIDE] = 0


def _seam(now: Statistics, before: Statistics, top: int) -> tuple[np.ndarray, int]:
    """Ask whether row `top` fits on to the row above of the frame before, or to that of its own.

    Returns by how many grey levels it fits better to the former, float32 (rows, segments of 16 px),
    for it and the rows around; and which of them it is.
    """
    first, last = max(top - BESIDE, 1), min(top + BESIDE + 1, now.size[0])
    rows, size = now.grey[first:last], (now.grey.shape[1] // CELL, last - first)
    own, other = (
        cv2.resize(cv2.absdiff(rows, above).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        for above in (now.grey[first - 1 : last - 1], before.grey[first - 1 : last - 1])
    )
    return own - other, top - first


def _votes(better: np.ndarray, seam: int) -> tuple[float, float]:
    """Let each segment vote: the share of those for a seam, less that of the others, -1 to 1.

    And the most of it that a row around gets.
    """
    votes = np.mean(better > DECIDED, axis=1) - np.mean(better < -DECIDED, axis=1)
    mine = float(votes[seam])
    votes[seam] = -1
    return mine, float(votes.max())


def _odds(better: np.ndarray, seam: int) -> float:
    """Give the logarithm of the odds that a row is a seam, from what `_seam` gives; see ODDS."""
    others = np.delete(better, seam, axis=0)
    around = others.mean(axis=0) if len(others) else 0.0  # none in a frame of two rows
    than_around, by_itself, bias = ODDS
    odds = than_around * _clearly(better[seam] - around) + by_itself * _clearly(better[seam])
    return odds + bias


def _clearly(better: np.ndarray) -> float:
    """By how many standard errors the mean over segments, float32 (segments,), is off zero."""
    spread = better.std() / np.sqrt(better.size) + BLUNT
    most, least = CLEAR
    return float(np.clip(better.mean() / spread, -least, most))
