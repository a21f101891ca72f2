# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Glare: light that falls on a part of the picture between two frames.

Motion gives no cell a brightness that was nowhere near it a frame ago. With I the brightness at a
quarter of the resolution and W(x) a window of 5 x 5 quarter pixels around x, a cell is lit if

    mean over the cell of  max(0, I_now(x) - max over W(x) of I_before)  >=  3 grey levels
"""

import cv2
import numpy as np

from siammcvae_core.detection.frame_statistics import (
    dilated,
    FramePair,
    FrameStatistics,
    root_mean_square,
)
from siammcvae_core.detection.region_growing import connected_to

WINDOW = np.ones((5, 5), np.uint8)  # quarter pixels: 8 px of motion to either side
GAPS = np.ones((5, 5), np.uint8)  # cells: gaps between seeds are closed up to here
FALL_OFF = np.ones((15, 15), np.uint8)  # cells: how far light falls off around seeds
LIT = 3.0  # grey levels
LIT_OF_NINE = 7  # lit cells among 3 x 3
FAINT = 0.75  # grey levels by which cells around lit ones must brighten to count as lit, too


class Glare:
    """Added light as an event on the lens; see `LensEvent`."""

    name = 'light'
    least = 0.006
    first_background = 0.025
    over_background = 2.0
    patience = 8
    least_young = 0.3

    def seeds(self, pair: FramePair, covered: np.ndarray) -> np.ndarray:
        """Find the largest group of lit cells: bool (R, C); `covered` has no influence."""
        above = cv2.subtract(pair.now.quarter, cv2.dilate(pair.before.quarter, WINDOW))
        size = pair.now.mean.shape[::-1]
        lit = (cv2.resize(above, size, interpolation=cv2.INTER_AREA) >= LIT) & pair.usable
        dense = lit & (_count_of_nine(lit) >= LIT_OF_NINE)
        if not dense.any():
            return dense
        _, labels, stats, _ = cv2.connectedComponentsWithStats(dense.view(np.uint8))
        return labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())

    def grow(self, seeds: np.ndarray, pair: FramePair, covered: np.ndarray) -> np.ndarray:
        """Close the gaps between seeds and add the faint border: bool (R, C).

        The border brightens by more than max(0.75, sigma) grey levels, sigma being the root mean
        square of what darkens: motion darkens as many cells as it brightens. `covered` (R, C) are
        cells already known to be lit: that they darken is not motion.
        """
        closed = cv2.morphologyEx(seeds.view(np.uint8), cv2.MORPH_CLOSE, GAPS)
        brighter = pair.now.mean - pair.before.mean
        brighter = cv2.blur(brighter - np.median(brighter), (3, 3))
        sigma = root_mean_square(brighter[(brighter < 0) & ~dilated(covered)])
        faint = (brighter >= max(FAINT, sigma)) & (cv2.dilate(closed, FALL_OFF) > 0)
        return connected_to(closed > 0, faint | (closed > 0))

    def level(self, statistics: FrameStatistics) -> np.ndarray:
        """Return the brightness, which light raises: float32 (R, C)."""
        return statistics.mean


def _count_of_nine(cells: np.ndarray) -> np.ndarray:
    """Count the True among each cell and its neighbours: uint8 (R, C)."""
    return cv2.boxFilter(cells.view(np.uint8), cv2.CV_8U, (3, 3), normalize=False)
