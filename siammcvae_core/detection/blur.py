# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fine detail that goes at once: drops on the lens.

Motion and its blur take detail from cells and give it to others; what many cells side by side lose
beyond what others gain in the same frame was covered.
"""

import cv2
import numpy as np

from siammcvae_core.detection.frame_statistics import beside, Statistics

GRAIN = 0.3  # grey levels of detail that are as good as none
SEED, SEEDS = 0.5, 4.0  # log of the share of its detail lost; the same in spreads of the gains
SHARE, SHARES = 0.2, 2.0  # likewise, for the cells around seeds


def seeds(
    now: Statistics, before: Statistics, usable: np.ndarray, covered: np.ndarray
) -> np.ndarray:
    """Find cells that lost detail as no motion makes it: bool (R, C), of `usable` (R, C).

    `covered` likewise were known to be blurred: what they gain now is no motion either.
    """
    loss, spread = _loss(now, before, usable, covered)
    return (loss >= max(SEED, SEEDS * spread)) & usable


def grown(
    cells: np.ndarray,
    now: Statistics,
    before: Statistics,
    usable: np.ndarray,
    covered: np.ndarray,
) -> np.ndarray:
    """Add the cells beside seeds that lost less: bool (R, C)."""
    loss, spread = _loss(now, before, usable, covered)
    wider = (loss >= max(SHARE, SHARES * spread)) | cells
    _, labels = cv2.connectedComponents(wider.view(np.uint8))
    return np.isin(labels, np.unique(labels[cells]))


def level(of: Statistics) -> np.ndarray:
    """Give what drops lower: float32 (R, C)."""
    return of.detail


def _loss(
    now: Statistics, before: Statistics, usable: np.ndarray, covered: np.ndarray
) -> tuple[np.ndarray, float]:
    """Measure the log of the share of detail lost around each cell, and the spread of the gains."""
    loss = np.log((before.detail + GRAIN) / (now.detail + GRAIN))
    free = usable & ~covered
    loss -= np.median(loss[free]) if free.any() else 0  # by shake of the camera
    loss[~usable] = 0
    loss = cv2.blur(loss, (3, 3))
    gains = np.maximum(loss[(loss < 0) & ~beside(covered)], -SEED)  # more was uncovered
    return loss, float(np.sqrt(np.mean(np.square(gains)))) if gains.size else 0.0
