# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the fallback chain serves without the model: the newest intact frame, still or moved on.

Both share one signature, `fallback(references, frame, mask, stamp)`: the intact frames, the damaged
frame of their shape, bool (H, W) True where lost, its stamp in seconds. They return a frame that is
meaningful where lost; pasting is the caller's.
"""

import numpy as np

from siammcvae_core.motion.references import References


def copy(references: References, frame: np.ndarray, mask: np.ndarray, stamp: float) -> np.ndarray:
    """Take the newest kept frame as it is: returned itself, not to be written to."""
    return references.frames[0].frame


def const_velocity(
    references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
) -> np.ndarray:
    """Carry the newest kept frame on along the motion of the kept pair (`references.motion`)."""
    if references.motion is None:
        raise ValueError('const_velocity needs two kept frames of different stamps')
    return references.motion.warp(stamp, mask)
