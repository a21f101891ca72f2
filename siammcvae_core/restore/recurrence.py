# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Damage that lasts: what was restored stands in for what was not seen since.

Every step from restored frame to restored frame adds its error to that before. In a hole that
stays, the intact frames are therefore asked too, and each answer counts as it can be trusted.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from siammcvae_core.engines import Restoration
from siammcvae_core.motion.references import KeptFrame, References

STAYS = 0.9  # share of the lost pixels that were lost in the frame before: damage does not wander
TOO_SURE = 3.0  # by how much errors are larger than told of intact frames that grow old
TINY = 1e-3  # grey levels


@dataclass(frozen=True, eq=False)
class RecurrentState:
    """What was restored since the last intact frame.

    `made` is the newest, of `stamp`, whole; `lost` is bool (H, W), of it. `before` is the kept
    frame it was restored from, `intact` are the kept frames that are no restored ones.
    """

    made: Restoration
    stamp: float
    lost: np.ndarray
    before: KeptFrame
    intact: References

    @cached_property
    def reference(self) -> KeptFrame:
        """The newest as a reference of the next."""
        told = self.made.expected_error
        return KeptFrame(self.made.frame, self.stamp, error=told() if told else None)

    @cached_property
    def behind_wandering(self) -> References:
        """What to restore from where damage wanders: the last two frames."""
        return References((self.reference, self.before))

    @cached_property
    def behind_staying(self) -> References:
        """What to go on from in a hole that stays.

        The motion of the last two frames would be that of what was made up there, and errors would
        pile up: it is the motion since the newest intact frame.
        """
        return References((self.reference, self.intact.frames[0]))

    def views(self, lost: np.ndarray) -> tuple[References, ...]:
        """Choose what to restore a frame from of which `lost`, bool (H, W), is lost.

        In a hole that stays the intact frames are asked too.
        """
        both = cv2.countNonZero((lost & self.lost).view(np.uint8))
        if both <= STAYS * cv2.countNonZero(lost.view(np.uint8)):
            return (self.behind_wandering,)
        return self.behind_staying, self.intact


def merge(recurrent: Restoration, direct: Restoration) -> Restoration:
    """Weigh two answers by how wrong they are expected to be; alike where they do not tell.

    What they do not agree on is less wrong half way. `direct` is from intact frames alone.
    """
    if recurrent.expected_error is None or direct.expected_error is None:
        return Restoration(cv2.addWeighted(recurrent.frame, 0.5, direct.frame, 0.5, 0))
    one, other = recurrent.expected_error(), np.float32(TOO_SURE) * direct.expected_error()
    merged = cv2.blendLinear(recurrent.frame, direct.frame, other, one)
    return Restoration(merged, lambda: 2 * one * other / np.maximum(one + other, TINY))
