# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Light that comes at once: cells brighter than anything within 8 px (at 640 wide) was.

Motion brings no cell a brightness that was nowhere near it a frame ago.
"""

import cv2
import numpy as np

from siammcvae_core.detection.frame_statistics import beside, Statistics

REACH = np.ones((5, 5), np.uint8)  # quarter pixels: 8 px of motion either way
NEAR = np.ones((5, 5), np.uint8)  # cells: gaps between seeds
FAR = np.ones((15, 15), np.uint8)  # cells: how far light falls off
LIT = 3.0  # grey levels above all that was near, mean over a cell
AROUND = 7  # of 9 cells lit alike
FAINT = 0.75  # grey levels by which cells beside lit ones brightened, to count as lit too


def seeds(now: Statistics, before: Statistics, usable: np.ndarray) -> np.ndarray:
    """Find the largest disc of cells that light came over: bool (R, C), of `usable` (R, C)."""
    above = cv2.subtract(now.small, cv2.dilate(before.small, REACH))
    size = now.mean.shape[::-1]
    lit = (cv2.resize(above, size, interpolation=cv2.INTER_AREA) >= LIT) & usable
    gathered = lit & (_around(lit) >= AROUND)
    if not gathered.any():
        return gathered
    _, labels, stats, _ = cv2.connectedComponentsWithStats(gathered.view(np.uint8))
    return labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())


def grown(
    cells: np.ndarray,
    now: Statistics,
    before: Statistics,
    usable: np.ndarray,
    covered: np.ndarray,
) -> np.ndarray:
    """Close the gaps between seeds and add the faint border: bool (R, C).

    Motion makes cells darker as much as brighter; light is what exceeds that. `covered`, bool
    (R, C), were known to be lit: that they get darker is no motion.
    """
    closed = cv2.morphologyEx(cells.view(np.uint8), cv2.MORPH_CLOSE, NEAR)
    change = now.mean - before.mean
    change = cv2.blur(change - np.median(change), (3, 3))
    darker = change[(change < 0) & ~beside(covered)]
    usual = np.sqrt(np.mean(np.square(darker))) if darker.size else 0.0
    fainter = (change >= max(FAINT, float(usual))) & (cv2.dilate(closed, FAR) > 0)
    fainter |= closed > 0
    _, labels = cv2.connectedComponents(fainter.view(np.uint8))
    return np.isin(labels, np.unique(labels[closed > 0]))


def level(of: Statistics) -> np.ndarray:
    """Give what light raises: float32 (R, C)."""
    return of.mean


def _around(cells: np.ndarray) -> np.ndarray:
    return cv2.boxFilter(cells.view(np.uint8), cv2.CV_8U, (3, 3), normalize=False)
