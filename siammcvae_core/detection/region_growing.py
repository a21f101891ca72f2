# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far a lost colour reaches beyond the cells that it fills: into parts of cells, and softly."""

import cv2
import numpy as np

from siammcvae_core.detection.frame_statistics import cell_max, Statistics
from siammcvae_core.faults.masks import CELL

ROUGH = 2  # grey levels between pixels of one colour at most: a coded copy of a fault wavers
SAME = 0.5  # grey levels across a border over which a colour runs on
SOFT = 0.012  # of the longer side: how far something out of focus on the lens fades
FADING = 0.5  # of the contrast at the end of the edge is there at its start, if it is soft
SPECK = np.ones((3, 3), np.uint8)  # fewer pixels of the colour are there by chance
STEPS = (1, 2, 4, 8)  # px: a power of two divides a cell
FINE = 640  # px of the longer side that are left at least


def alongside(now: Statistics, member: np.ndarray) -> np.ndarray:
    """Find cells into which the colour of `member`, bool (R, C), runs on along the whole border."""
    reached = np.zeros_like(member)
    across, down = now.right[:, :-1] <= SAME, now.below[:-1] <= SAME
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


def spread(frame: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Find all cells that hold the colour of `member`, or its soft edge: bool (R, C).

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
    away = cv2.distanceTransform(cv2.bitwise_not(same), cv2.DIST_L2, 3)
    if _fades(picture, same, away, edge):
        same = cv2.compare(away, edge - 0.5, cv2.CMP_LE)
    rows, columns = member.shape
    cell = CELL // step
    below, beyond = rows * cell - same.shape[0], columns * cell - same.shape[1]
    filled = cv2.copyMakeBorder(same, 0, below, 0, beyond, cv2.BORDER_REPLICATE)
    strips = filled.reshape(rows, cell, columns * cell).max(axis=1)
    return (cell_max(strips, cell) > 0) | member


def _fades(picture: np.ndarray, same: np.ndarray, away: np.ndarray, edge: float) -> bool:
    """Tell whether the colour fades into the picture over `edge` pixels or ends at once."""
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    contrast = cv2.absdiff(grey, np.full_like(grey, round(cv2.mean(grey, same)[0])))
    start, end = (
        cv2.mean(contrast, cv2.inRange(away, distance, distance + 1))[0]
        for distance in (0.5, edge - 1)
    )
    return start < FADING * end
