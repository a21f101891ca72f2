# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The expected error of a warped or copied frame, from the intact frames alone.

    error = s / (1 + s / limit),    s = noise + age**p * blur(doubt)

| method | doubt                                             | noise | p    | limit |
|--------|---------------------------------------------------|-------|------|-------|
| warp   | 0.45 residual + 0.65 |grey gradient| sqrt(|flow|) | 1.3   | 0.75 | 50    |
| copy   | 1.6 |difference of the two intact frames|         | 1.7   | 0.5  | 80    |

in grey levels, where age is that of the frame in intervals of the two intact frames (as
`Motion.age_ratio` says) and `residual` what their flow leaves unexplained. Copied from a single
frame it is 2 + 28 sqrt(age in seconds). The numbers were fitted to the mean absolute error on
driving clips. The model has its own, learned estimate.
"""

import cv2
import numpy as np

from siammcvae_core.motion.images import gradients, magnitude
from siammcvae_core.motion.references import Motion, ReferenceFrame, References

BLUR = 3.0  # standard deviation in working pixels


def expected_error(
    references: References, mask: np.ndarray, stamp: float, warped: bool
) -> np.ndarray:
    """Return the expected absolute error, float32 (H, W) in grey levels, 0 where intact.

    `mask` is bool (H, W), True where lost; `stamp` is in seconds and the error never falls as it
    grows; `warped` says whether the frame is warped along its motion or copied.
    """
    newest, motion = references.frames[0], references.motion
    if motion is None:
        age = max(0.0, stamp - newest.stamp)
        return np.multiply(mask, 2 + 28 * age**0.5, dtype=np.float32)
    age_ratio = motion.age_ratio(stamp)
    if warped:
        error = _saturate(1.3 + age_ratio**0.75 * _motion_doubt(newest, motion), 50)
    else:
        difference = cv2.absdiff(newest.grey, references.frames[1].grey)
        error = _saturate(1.7 + age_ratio**0.5 * 1.6 * _blur(difference), 80)
    height, width = mask.shape
    return cv2.resize(error, (width, height)) * mask


def _motion_doubt(newest: ReferenceFrame, motion: Motion) -> np.ndarray:
    """Blurred doubt of a warped frame at working size, float32 (h, w)."""
    gradient = magnitude(*gradients(newest.grey))
    speed = magnitude(*cv2.split(motion.flow))
    return _blur(0.45 * motion.residual() + 0.65 * gradient * np.sqrt(speed))


def _blur(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image.astype(np.float32), (0, 0), BLUR)


def _saturate(error: np.ndarray, limit: float) -> np.ndarray:
    return error / (1 + error / limit)
