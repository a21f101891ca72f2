# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recurrence while damage lasts: the frame restored last serves as the newest reference.

Every step from restored frame to restored frame adds its error to the one before. In a hole that
stays in place, the frame is therefore also restored from intact frames alone, and the two are
merged by their expected errors.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from siammcvae_core.engines import Restoration
from siammcvae_core.motion.references import ReferenceFrame, References

STATIC_OVERLAP = 0.9  # share of the lost pixels that were lost in the frame before: a static hole
DIRECT_ERROR_FACTOR = 3.0  # real over expected error of what is restored from ageing intact frames
TINY = 1e-3  # grey levels


@dataclass(frozen=True, eq=False)
class RecurrentState:
    """The newest restored frame since the last intact one.

    `restoration` is the whole frame of `stamp`, in seconds, with its expected error; `lost`, bool
    (H, W), marks what was lost in it. `previous` is the newest frame it was restored from, `intact`
    the intact frames.
    """

    restoration: Restoration
    stamp: float
    lost: np.ndarray
    previous: ReferenceFrame
    intact: References

    @cached_property
    def reference(self) -> ReferenceFrame:
        """The restored frame as a reference, with its expected error."""
        expected_error = self.restoration.expected_error
        error = expected_error() if expected_error else None
        return ReferenceFrame(self.restoration.frame, self.stamp, error=error)

    @cached_property
    def for_moving_hole(self) -> References:
        """References where the hole moves: the last two frames."""
        return References((self.reference, self.previous))

    @cached_property
    def for_static_hole(self) -> References:
        """References where the hole stays in place: the last frame and the newest intact one.

        In the hole, motion between the last two frames would be motion of restored pixels, and its
        errors would add up.
        """
        return References((self.reference, self.intact.frames[0]))

    def views(self, lost: np.ndarray) -> tuple[References, ...]:
        """Choose the references for a frame of which `lost`, bool (H, W), is lost.

        The second view, for a hole that stays in place, is the intact frames alone.
        """
        overlap = cv2.countNonZero((lost & self.lost).view(np.uint8))
        if overlap <= STATIC_OVERLAP * cv2.countNonZero(lost.view(np.uint8)):
            return (self.for_moving_hole,)
        return self.for_static_hole, self.intact


def merge(recurrent: Restoration, direct: Restoration) -> Restoration:
    """Average two restorations of a frame, each weighted by the expected error of the other.

        x = (e_d x_r + e_r x_d) / (e_r + e_d),    e = 2 e_r e_d / (e_r + e_d)

    with x_r, e_r of `recurrent` and x_d, e_d of `direct`, which is from intact frames alone; e_d is
    its expected error times DIRECT_ERROR_FACTOR. Without expected errors both weigh the same.
    """
    if recurrent.expected_error is None or direct.expected_error is None:
        return Restoration(cv2.addWeighted(recurrent.frame, 0.5, direct.frame, 0.5, 0))
    error_r = recurrent.expected_error()
    error_d = np.float32(DIRECT_ERROR_FACTOR) * direct.expected_error()
    merged = cv2.blendLinear(recurrent.frame, direct.frame, error_d, error_r)
    return Restoration(merged, lambda: 2 * error_r * error_d / np.maximum(error_r + error_d, TINY))
