# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decode smear: one row drawn down through whole cells, as decoders fill what they could not read.

With the steps of `frame_statistics`, a cell is smeared if

    max down <= 1   and   detail >= 2   grey levels

that is, it has structure across its columns and none along them.
"""

import cv2
import numpy as np

from siammcvae_core.detection.frame_statistics import FrameStatistics

STEADY = 1  # grey levels from row to row at most
STREAKS = 2.0  # grey levels from column to column at least, or there is nothing to smear
SIDE_BY_SIDE = np.ones((1, 3), np.uint8)  # cells: one alone may be a post


def smeared_cells(now: FrameStatistics) -> np.ndarray:
    """Find runs of three and more smeared cells side by side: bool (R, C)."""
    smeared = (now.max_step_down <= STEADY) & (now.detail >= STREAKS)
    return cv2.morphologyEx(smeared.view(np.uint8), cv2.MORPH_OPEN, SIDE_BY_SIDE) > 0
