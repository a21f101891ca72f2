# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Blur: fine detail that disappears between two frames, as behind drops on the lens.

With d the detail of a cell (see `frame_statistics`) the test statistic is the log ratio

    loss = log((d_before + 0.3) / (d_now + 0.3)) - median(loss),   averaged over 3 x 3 cells

and cells are blurred where loss >= max(0.5, 4 sigma), sigma being the root mean square of the
negative losses of the same frame: motion takes detail from some cells and adds it to others, so
what it adds elsewhere tells how much it may take here.
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

GRAIN = 0.3  # grey levels of detail that are as good as none
SEED, SEED_SIGMAS = 0.5, 4.0  # least loss of a seed, and the same in units of sigma
BESIDE, BESIDE_SIGMAS = 0.2, 2.0  # of the cells connected to seeds


class Blur:
    """Loss of detail as an event on the lens; see `LensEvent`."""

    name = 'blur'
    least = 0.02
    first_background = 0.03
    over_background = 1.6
    patience = 3
    least_young = 0.6

    def seeds(self, pair: FramePair, covered: np.ndarray) -> np.ndarray:
        """Find cells that lost more detail than motion takes: bool (R, C).

        `covered` (R, C) are cells already known to be blurred: what they gain now is not motion.
        """
        loss, sigma = _loss(pair, covered)
        return (loss >= max(SEED, SEED_SIGMAS * sigma)) & pair.usable

    def grow(self, seeds: np.ndarray, pair: FramePair, covered: np.ndarray) -> np.ndarray:
        """Add the cells connected to seeds that lost less: bool (R, C)."""
        loss, sigma = _loss(pair, covered)
        return connected_to(seeds, (loss >= max(BESIDE, BESIDE_SIGMAS * sigma)) | seeds)

    def level(self, statistics: FrameStatistics) -> np.ndarray:
        """Return the detail, which drops lower: float32 (R, C)."""
        return statistics.detail


def _loss(pair: FramePair, covered: np.ndarray) -> tuple[np.ndarray, float]:
    """Compute the log of the ratio of detail, float32 (R, C), and sigma of the gains."""
    loss = np.log((pair.before.detail + GRAIN) / (pair.now.detail + GRAIN))
    free = pair.usable & ~covered
    loss -= np.median(loss[free]) if free.any() else 0  # the camera's shake
    loss[~pair.usable] = 0
    loss = cv2.blur(loss, (3, 3))
    # A gain counts as SEED at most: more was uncovered rather than sharpened.
    gains = np.maximum(loss[(loss < 0) & ~dilated(covered)], -SEED)
    return loss, root_mean_square(gains)
