# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Noise: random bytes, runs of pixels unlike those beside, below and before them.

For each segment of 16 px of a row the smallest of up to four mean steps decides,

    n = min(mean |dI/dx|, mean |dI/dy|, mean |dI/dt|, mean |d|B - R|/dx|)

which is 55 grey levels and more of random bytes. A segment is lost if n >= 22 and, averaged over 5
segments side by side, n >= 34 no farther than 2 segments away.
"""

import cv2
import numpy as np

from siammcvae_core.detection.frame_statistics import FrameDifference, FrameStatistics
from siammcvae_core.faults.masks import CELL

LARGEST_STEP = 120  # grey levels: random bytes hold such a step in any 16 of them
CHANGED = 2.0  # grey levels a cell changed at least
SEGMENTS = 5  # of 16 px side by side
NOISY = 34.0  # grey levels, n averaged over SEGMENTS
PARTLY = 22.0  # grey levels, n of a segment at the end of a run


def noisy_segments(
    frame: np.ndarray,
    now: FrameStatistics,
    before: FrameStatistics | None,
    difference: FrameDifference | None,
) -> np.ndarray:
    """Find segments of 16 px of the rows that hold random bytes: bool (16 R, C).

    frame: uint8 (H, W, 3) BGR or (H, W), with its statistics, those of the frame before and the
    difference of both, if there is one.
    """
    lost = np.zeros((now.grey.shape[0], now.mean.shape[1]), bool)
    rough = now.max_step >= LARGEST_STEP
    if difference is not None:
        rough &= difference.mean >= CHANGED
    elif frame.ndim == 2:
        return lost  # in a single grey frame noise looks like gravel
    for row in np.flatnonzero(rough.sum(axis=1) >= SEGMENTS):
        within = slice(row * CELL, (row + 1) * CELL)
        lost[within] = _in_row(frame, now.grey, before.grey if before else None, int(row))
    return lost


def _in_row(frame: np.ndarray, now: np.ndarray, before: np.ndarray | None, row: int) -> np.ndarray:
    """Find noisy segments in the 16 rows of one row of cells: bool (16, C)."""
    first, last = row * CELL, (row + 1) * CELL
    strip = now[first:last]
    size = (strip.shape[1] // CELL, CELL)
    along = np.zeros_like(strip)
    cv2.absdiff(strip[:, 1:], strip[:, :-1], along[:, :-1])
    down = np.zeros_like(strip)
    below = now[first + 1 : last + 1]
    cv2.absdiff(below, strip[: len(below)], down[: len(below)])
    if len(below) < CELL:  # the frame's last row has none below
        down[-1] = down[-2]
    steps = [along, down]
    if before is not None:
        steps.append(cv2.absdiff(strip, before[first:last]))
    if frame.ndim == 3:
        steps.append(_colour_steps(frame[first:last], strip.shape))
    least = np.min([cv2.resize(s, size, interpolation=cv2.INTER_AREA) for s in steps], axis=0)
    noisy = cv2.blur(least.astype(np.float32), (SEGMENTS, 1)) >= NOISY
    near = cv2.dilate(noisy.view(np.uint8), np.ones((1, SEGMENTS), np.uint8)).view(bool)
    lost: np.ndarray = near & (least >= PARTLY)
    return lost


def _colour_steps(strip: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Compute |d|B - R|/dx| along the rows of (h, w, 3), filled up to `shape`: uint8.

    Scenes have their finest detail in brightness, and video halves the resolution of colour.
    """
    blue, _, red = cv2.split(strip)
    tint = cv2.absdiff(blue, red)
    steps = np.zeros(shape, np.uint8)
    cv2.absdiff(tint[:, 1:], tint[:, :-1], steps[: len(tint), : tint.shape[1] - 1])
    steps[len(tint) :] = steps[len(tint) - 1]
    return steps
