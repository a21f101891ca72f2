# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decode smear: a row drawn down through whole cells, as decoders fill what they could not read."""

import cv2
import numpy as np

from siammcvae_core.detection.frame_statistics import Statistics

STEADY = 1  # grey levels from row to row at most
STREAKS = 2.0  # grey levels from column to column at least, or there is nothing to smear
SIDE_BY_SIDE = np.ones((1, 3), np.uint8)  # cells: one alone may be a post


def find(now: Statistics) -> np.ndarray:
    """Find smeared cells: bool (R, C)."""
    smeared = (now.roughest_down <= STEADY) & (now.detail >= STREAKS)
    return cv2.morphologyEx(smeared.view(np.uint8), cv2.MORPH_OPEN, SIDE_BY_SIDE) > 0
