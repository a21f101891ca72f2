# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Freeze and tear: the frame before shown again, as a whole or in its lower rows.

No sensor delivers the same rows twice, its noise alone forbids it. Decoders do, where an encoder
skipped what did not change, but hardly ever in whole frames. A tear's first frame repeats the lower
rows bit for bit while those above moved; how many rows below a hood are repeated anyway is learned.
After that the lower rows are new but a frame late: row t continues row t - 1 of the frame before
and not of the same one. With I the frame and J the one before, segment k of 16 px fits J better by

    b_k(t) = mean over k of |I(t) - I(t - 1)|  -  mean over k of |I(t) - J(t - 1)|   grey levels

A seam that nobody saw begin is found by b_k summed up as votes over frames, a known one is followed
by its log odds,

    log odds += 0.84 z(b(t) - mean of b(rows around)) + 0.68 z(b(t)) - 1.2

with z the mean over segments divided by its standard error, and the tear ends when they are used
up.
"""

import cv2
import numpy as np

from siammcvae_core.detection.frame_statistics import FrameDifference, FrameStatistics
from siammcvae_core.faults.masks import CELL

LEAST = 0.08  # of the rows repeated, to be a tear
USUAL = 0.04  # of the rows more than were repeated lately
TEXTURE = 1.0  # grey levels from pixel to pixel of a row that noise or motion would change
CHANGED = 0.4  # grey levels the rows above changed on average: below it old content looks like new
FORGET = 0.98  # per frame, of what is usual
DECIDED = 0.5  # grey levels by which a segment fits better to one than to the other, to vote
PEAKS = 3  # rows looked at for a seam that nobody saw begin
AROUND = 2  # rows on either side that a seam is compared with
SURE = 0.6  # votes of a row above those around it, summed up over frames, that make a tear
DOUBT = 0.3  # subtracted from such a sum per frame: what stands still on the hood is a weak seam
LOG_ODDS = (0.84, 0.68, -1.2)
"""Coefficients of a logistic regression on torn and intact frames of the training clips: of z
against the rows around, of z by itself, and the constant."""
Z_RANGE = (-4.0, 6.0)  # values of z beyond which it says no more
Z_FLOOR = 0.05  # grey levels added to the standard error: segments that agree to less are no surer
MOST = 3.5  # of the log odds, summed up over frames
EDGE = 0.04  # of the height at the top and at the bottom where no seam is looked for


def is_frozen(difference: FrameDifference) -> bool:
    """Tell whether a frame equals the one before bit for bit."""
    return not difference.rows.any()


class TearDetector:
    """Finds the stale rows of torn frames in a stream of frames of one size."""

    def __init__(self) -> None:
        self._usual = 0.0
        self._tear: int | None = None
        self._log_odds = 0.0
        self._suspects: dict[int, float] = {}
        self._peaks: np.ndarray | None = None

    def find(
        self,
        now: FrameStatistics,
        before: FrameStatistics,
        difference: FrameDifference,
        damaged: bool,
    ) -> int:
        """Find the first stale row of a frame that differs from the one before; H without one.

        damaged: whether rows are lost for another reason, so that nothing is learned or begins.
        """
        height = now.size[0]
        changed = np.flatnonzero(difference.rows)
        top = int(changed[-1]) + 1
        share = np.count_nonzero(now.row_detail[top:] >= TEXTURE) / height
        repeated = share >= max(LEAST, self._usual + USUAL)
        if repeated and not damaged and difference.rows[:top].mean() >= CHANGED:
            self._tear, self._log_odds = top, MOST
        elif self._tear is not None:
            self._track(_log_odds(*_seam(now, before, self._tear)))
        elif not damaged:
            self._usual = max(share, FORGET * self._usual)
            self._search(now, before, difference)
        return height if self._tear is None else self._tear

    def _track(self, log_odds: float) -> None:
        """Add the log odds of the seam in the next frame and end the tear when none are left."""
        self._log_odds = min(self._log_odds + log_odds, MOST)
        if self._log_odds <= 0:
            self._tear, self._peaks, self._suspects = None, None, {}

    def _search(
        self, now: FrameStatistics, before: FrameStatistics, difference: FrameDifference
    ) -> None:
        """Look for a seam that the stream began with, or whose first frame repeated no rows."""
        fits = now.row_step - difference.seams
        peaks = fits - cv2.dilate(fits[:, None], _AROUND).ravel()
        self._peaks = peaks if self._peaks is None else np.maximum(0.7 * self._peaks, 0) + peaks
        edge = max(AROUND + 1, round(EDGE * fits.size))
        if fits.size <= 2 * edge + PEAKS:
            return
        suspects = {row: total - DOUBT for row, total in self._suspects.items() if total > DOUBT}
        for row in (edge + 1 + np.argpartition(self._peaks[edge:-edge], -PEAKS)[-PEAKS:]).tolist():
            votes, around = _votes(*_seam(now, before, row))
            suspects[row] = suspects.get(row, 0.0) + min(votes, votes - around)
        self._suspects = suspects
        row, total = max(suspects.items(), key=lambda item: item[1], default=(0, 0.0))
        if total >= SURE:
            self._tear, self._log_odds = row, MOST


_AROUND = np.ones((2 * AROUND + 1, 1), np.uint8)
_AROUND[AROUND] = 0


def _seam(now: FrameStatistics, before: FrameStatistics, top: int) -> tuple[np.ndarray, int]:
    """Compute b_k of row `top` and the rows around it: float32 (rows, segments of 16 px).

    Also returns which of these rows `top` is.
    """
    first, last = max(top - AROUND, 1), min(top + AROUND + 1, now.size[0])
    rows, size = now.grey[first:last], (now.grey.shape[1] // CELL, last - first)
    within, across = (
        cv2.resize(cv2.absdiff(rows, above).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        for above in (now.grey[first - 1 : last - 1], before.grey[first - 1 : last - 1])
    )
    return within - across, top - first


def _votes(better: np.ndarray, seam: int) -> tuple[float, float]:
    """Compute the share of segments with b_k > 0.5 less that with b_k < -0.5, from -1 to 1.

    Returns that of the seam and the largest of a row around it; see `_seam` for the arguments.
    """
    votes = np.mean(better > DECIDED, axis=1) - np.mean(better < -DECIDED, axis=1)
    of_seam = float(votes[seam])
    votes[seam] = -1
    return of_seam, float(votes.max())


def _log_odds(better: np.ndarray, seam: int) -> float:
    """Compute the logarithm of the odds that a row is a seam; see `_seam` for the arguments."""
    others = np.delete(better, seam, axis=0)
    around = others.mean(axis=0) if len(others) else 0.0  # none in a frame of two rows
    against_around, by_itself, constant = LOG_ODDS
    odds = against_around * _z(better[seam] - around) + by_itself * _z(better[seam])
    return odds + constant


def _z(better: np.ndarray) -> float:
    """Compute mean / (standard error + 0.05) over segments, float32 (segments,), clipped."""
    error = better.std() / np.sqrt(better.size) + Z_FLOOR
    return float(np.clip(better.mean() / error, *Z_RANGE))
