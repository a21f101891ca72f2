# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The methods of the fallback chain without a model: copy, and warp along the mean motion.

Both are `fallback(references, frame, mask, stamp)`: the intact frames, the damaged frame of their
shape, bool (H, W) True where lost, its stamp in seconds. They return a frame of that shape that is
meaningful where lost; the caller pastes.
"""

import numpy as np

from siammcvae_core.motion.references import References


def copy(references: References, frame: np.ndarray, mask: np.ndarray, stamp: float) -> np.ndarray:
    """Return the newest intact frame itself; do not write to it."""
    return references.frames[0].frame


def mean_velocity(
    references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
) -> np.ndarray:
    """Warp the newest intact frame on, each point with the mean of its last steps, see `Motion`.

    Raises ValueError without two frames of different stamps.
    """
    if references.motion is None:
        raise ValueError('motion needs two references of different stamps')
    return references.motion.warp(stamp, mask)
