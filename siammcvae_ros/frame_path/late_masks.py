# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masks that come after their frame has left: which frames they say were damaged. No ROS."""

from collections import OrderedDict

import numpy as np

from siammcvae_core.errors import FrameError
from siammcvae_core.frames import full_mask


class LateMasks:
    """Remembers what was restored in each frame, to know whether a late mask says more.

    The same mask twice, such as raw and compressed, says nothing new. `found` numbers the frames
    that are to be counted. Executor thread only.
    """

    CAPACITY = 16  # newest damaged frames of which the lost pixels are kept

    def __init__(self) -> None:
        self.found: list[int] = []
        self._lost: OrderedDict[int, np.ndarray] = OrderedDict()

    def remember(self, number: int, lost: np.ndarray) -> None:
        """Remember the pixels, bool (H, W), that are to be restored in a frame."""
        self._lost[number] = lost
        if len(self._lost) > self.CAPACITY:
            self._lost.popitem(last=False)

    def add(self, number: int, mask: np.ndarray | FrameError) -> bool:
        """Take in the mask of a frame that has left; whether it says that more was lost."""
        if number in self._lost and not self._says_more(mask, self._lost[number]):
            return False
        self.found.append(number)
        return True

    def _says_more(self, mask: np.ndarray | FrameError, lost: np.ndarray) -> bool:
        try:
            return isinstance(mask, FrameError) or bool((full_mask(mask, lost.shape) > lost).any())
        except FrameError:
            return True


def unite(
    earlier: np.ndarray | FrameError, later: np.ndarray | FrameError
) -> np.ndarray | FrameError:
    """Unite two masks of one frame, uint8 or bool: lost is what either says; an error stays."""
    if isinstance(earlier, FrameError):
        return earlier
    if isinstance(later, FrameError):
        return later
    size: tuple[int, int] = max(earlier, later, key=np.size).shape[:2]
    try:
        return full_mask(earlier, size) | full_mask(later, size)
    except FrameError as error:
        return error
