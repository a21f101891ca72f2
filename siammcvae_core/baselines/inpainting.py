# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Image inpainting: the hole is filled from the rest of the frame alone, without references.

The cost is bounded: the hole is filled at working size, at most 640 pixels on the longer side,
looking at RADIUS pixels around each; larger frames are scaled back.
"""

import cv2
import numpy as np

from siammcvae_core.motion.flow import working_size
from siammcvae_core.motion.references import References

RADIUS = 3  # working pixels around each lost one that are looked at; the cost grows with its square
UNKNOWN = 128  # grey level of a frame of which nothing is visible


def telea(references: References, frame: np.ndarray, mask: np.ndarray, stamp: float) -> np.ndarray:
    """Fill by fast marching (Telea 2004)."""
    return _inpaint(frame, mask, cv2.INPAINT_TELEA)


def navier_stokes(
    references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
) -> np.ndarray:
    """Fill along isophotes (Bertalmio 2001)."""
    return _inpaint(frame, mask, cv2.INPAINT_NS)


def _inpaint(frame: np.ndarray, mask: np.ndarray, method: int) -> np.ndarray:
    height, width = mask.shape
    size = working_size(frame.shape)
    lost = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    hole = (lost > 0).view(np.uint8)
    if hole.all():
        return np.full_like(frame, UNKNOWN)
    seen = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    # At the rim OpenCV looks into the hole, where damage must not be found.
    blank = np.full_like(seen, np.rint(seen[hole == 0].mean(axis=0)))
    filled = cv2.inpaint(cv2.copyTo(blank, hole, seen), hole, RADIUS, method)
    return filled if size == (width, height) else cv2.resize(filled, (width, height))
