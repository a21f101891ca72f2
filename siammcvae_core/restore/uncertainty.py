# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How wrong a moved or copied frame is expected to be, judged from the kept frames alone.

Doubt is where the kept pair disagrees and where something moves across an edge. It grows with a
power of age and levels off where two pictures no longer have to do with each other:
error = s / (1 + s / limit), s = noise + growth(age) * blur(doubt). The numbers were fitted to the
mean absolute error on driving clips; the model brings its own, learned estimate.
"""

import cv2
import numpy as np

from siammcvae_core.motion.references import gradients, KeptFrame, length, Motion, References

BLUR = 3.0  # standard deviation in working pixels


def expected_error(
    references: References, mask: np.ndarray, stamp: float, moved: bool
) -> np.ndarray:
    """Return the expected absolute error, float32 (H, W) in grey levels, 0 where intact.

    `mask` is bool (H, W), True where lost; `stamp` is in seconds and the error never falls as it
    grows; `moved` says whether motion was followed (else copied).
    """
    newest, motion = references.frames[0], references.motion
    if motion is None:
        age = max(0.0, stamp - newest.stamp)
        return np.multiply(mask, 2 + 28 * age**0.5, dtype=np.float32)
    age_ratio = motion.age_ratio(stamp)
    if moved:
        error = _level_off(1.3 + age_ratio**0.75 * _motion_doubt(newest, motion), 50)
    else:
        difference = cv2.absdiff(newest.grey, references.frames[1].grey)
        error = _level_off(1.7 + age_ratio**0.5 * 1.6 * _blur(difference), 80)
    height, width = mask.shape
    return cv2.resize(error, (width, height)) * mask


def _motion_doubt(newest: KeptFrame, motion: Motion) -> np.ndarray:
    """Sum what the flow leaves unexplained and slopes of grey times the root of speed; (h, w)."""
    slope = length(*gradients(newest.grey))
    speed = length(*cv2.split(motion.flow))
    return _blur(0.45 * motion.residual() + 0.65 * slope * np.sqrt(speed))


def _blur(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image.astype(np.float32), (0, 0), BLUR)


def _level_off(error: np.ndarray, limit: float) -> np.ndarray:
    return error / (1 + error / limit)
