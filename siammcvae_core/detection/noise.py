# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random bytes: runs of pixels unlike those beside them, below them and in the frame before."""

import cv2
import numpy as np

from siammcvae_core.detection.frame_statistics import Change, Statistics
from siammcvae_core.faults.masks import CELL

ROUGH = 120  # grey levels: random bytes hold such a step in any 16 of them
CHANGED = 2.0  # grey levels a cell changed at least
SEGMENTS = 5  # of 16 px side by side
WILD = 34.0  # grey levels from pixel to pixel and from frame to frame; of random bytes 55 and more
PARTLY = 22.0  # of a segment at the end of a run


def find(
    frame: np.ndarray, now: Statistics, before: Statistics | None, change: Change | None
) -> np.ndarray:
    """Find segments of 16 px of the rows that hold random bytes: bool (16 R, C)."""
    lost = np.zeros((now.grey.shape[0], now.mean.shape[1]), bool)
    rough = now.roughest >= ROUGH
    if change is not None:
        rough &= change.mean >= CHANGED
    elif frame.ndim == 2:
        return lost  # in one grey frame noise cannot be told from gravel
    for row in np.flatnonzero(rough.sum(axis=1) >= SEGMENTS):
        within = slice(row * CELL, (row + 1) * CELL)
        lost[within] = _find_in(frame, now.grey, before.grey if before else None, int(row))
    return lost


def _find_in(frame: np.ndarray, now: np.ndarray, before: np.ndarray | None, row: int) -> np.ndarray:
    """Look at the 16 rows of one row of cells: bool (16, C)."""
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
    segments = np.min([cv2.resize(s, size, interpolation=cv2.INTER_AREA) for s in steps], axis=0)
    wild = cv2.blur(segments.astype(np.float32), (SEGMENTS, 1)) >= WILD
    near = cv2.dilate(wild.view(np.uint8), np.ones((1, SEGMENTS), np.uint8)).view(bool)
    found: np.ndarray = near & (segments >= PARTLY)
    return found


def _colour_steps(strip: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Measure how blue less red changes along the rows of (h, w, 3), filled up to `shape`: uint8.

    Scenes have their finest detail in brightness, and video halves the resolution of colour.
    """
    blue, _, red = cv2.split(strip)
    tint = cv2.absdiff(blue, red)
    steps = np.zeros(shape, np.uint8)
    cv2.absdiff(tint[:, 1:], tint[:, :-1], steps[: len(tint), : tint.shape[1] - 1])
    steps[len(tint) :] = steps[len(tint) - 1]
    return steps
