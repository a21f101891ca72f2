# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Region growing: from cells that are surely lost to those beside them that are lost in part.

Three ways: cells connected to seeds by a weaker test (hysteresis); cells into which one colour runs
on across the border; cells with pixels of one colour, or with its soft edge.
"""

import cv2
import numpy as np

from siammcvae_core.detection.frame_statistics import cell_max, FrameStatistics
from siammcvae_core.faults.masks import CELL

ROUGH = 2  # grey levels between pixels of one colour at most: coding makes a fault's colour vary
SAME = 0.5  # grey levels across a border over which a colour runs on
SOFT = 0.012  # of the longer side: width of the edge of something out of focus on the lens
FADING = 0.5  # contrast at the start of an edge over that at its end, below which it is soft
SPECK = np.ones((3, 3), np.uint8)  # fewer pixels of the colour are there by chance
STEPS = (1, 2, 4, 8)  # px: a power of two divides a cell
FINE = 640  # px of the longer side that are left at least


def connected_to(seeds: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Keep the connected groups of `candidates` that hold a seed: bool (R, C); hysteresis."""
    _, labels = cv2.connectedComponents(candidates.view(np.uint8))
    return np.isin(labels, np.unique(labels[seeds]))


def across_borders(now: FrameStatistics, member: np.ndarray) -> np.ndarray:
    """Find cells into which the colour of `member`, bool (R, C), runs on along a whole border.

    A border of mean step at most SAME is crossed, and a corner between two such cells.
    """
    reached = np.zeros_like(member)
    across, down = now.border_right[:, :-1] <= SAME, now.border_below[:-1] <= SAME
    reached[:, 1:] |= member[:, :-1] & across
    reached[:, :-1] |= member[:, 1:] & across
    reached[1:] |= member[:-1] & down
    reached[:-1] |= member[1:] & down
    reached &= ~member
    corner = np.zeros_like(member)
    corner[1:, 1:] |= member[:-1, :-1] & reached[:-1, 1:] & reached[1:, :-1]
    corner[1:, :-1] |= member[:-1, 1:] & reached[:-1, :-1] & reached[1:, 1:]
    corner[:-1, 1:] |= member[1:, :-1] & reached[1:, 1:] & reached[:-1, :-1]
    corner[:-1, :-1] |= member[1:, 1:] & reached[1:, :-1] & reached[:-1, 1:]
    return reached | corner


def by_colour(frame: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Find all cells with pixels of the colour of `member`, or of its soft edge: bool (R, C).

    Works on every step-th pixel of large frames, since edges are wide there.
    """
    height, width = frame.shape[:2]
    row, column = np.argwhere(member)[0] * CELL + CELL // 2
    colour = np.atleast_1d(frame[min(row, height - 1), min(column, width - 1)]).astype(int)
    low, high = (tuple(np.clip(colour + by, 0, 255).tolist()) for by in (-ROUGH, ROUGH))
    step = max(s for s in STEPS if s == 1 or s * FINE <= max(height, width))
    size = (-(-width // step), -(-height // step))
    picture = cv2.resize(frame, size, interpolation=cv2.INTER_NEAREST)
    same = cv2.morphologyEx(cv2.inRange(picture, low, high), cv2.MORPH_OPEN, SPECK)
    edge = max(2.0, SOFT * max(height, width)) / step
    distance = cv2.distanceTransform(cv2.bitwise_not(same), cv2.DIST_L2, 3)
    if _fades(picture, same, distance, edge):
        same = cv2.compare(distance, edge - 0.5, cv2.CMP_LE)
    rows, columns = member.shape
    cell = CELL // step
    below, beyond = rows * cell - same.shape[0], columns * cell - same.shape[1]
    filled = cv2.copyMakeBorder(same, 0, below, 0, beyond, cv2.BORDER_REPLICATE)
    strips = filled.reshape(rows, cell, columns * cell).max(axis=1)
    return (cell_max(strips, cell) > 0) | member


def _fades(picture: np.ndarray, same: np.ndarray, distance: np.ndarray, edge: float) -> bool:
    """Tell whether the colour fades into the picture over `edge` pixels or ends at once.

    With c(r) the mean contrast to the colour at a distance of r pixels from it, it fades if

        c(0.5 to 1.5) < 0.5 c(edge - 1 to edge)
    """
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    contrast = cv2.absdiff(grey, np.full_like(grey, round(cv2.mean(grey, same)[0])))
    start, end = (
        cv2.mean(contrast, cv2.inRange(distance, radius, radius + 1))[0]
        for radius in (0.5, edge - 1)
    )
    return start < FADING * end
