# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where a frame's time in the node goes: the stages it passes, and how long the newest took."""

from collections import deque
from collections.abc import Mapping
from enum import Enum
import threading
import time


class Stage(str, Enum):
    """The stages of a frame, in order; what is passed on skips some, what is restored skips HOLD.

    The fault detector, which works between INTAKE and MASK_WAIT, keeps its own account.
    """

    INTAKE = 'intake'
    """From the middleware into the node: behind other messages, and decoded."""
    MASK_WAIT = 'mask_wait'
    """Until its fault mask is there, or is waited for no longer."""
    QUEUE = 'queue'
    """Until the worker has time for it."""
    RESTORE = 'restore'
    """Being restored, or failing to be."""
    HOLD = 'hold'
    """Behind the restoration of a frame before it."""
    PUBLISH = 'publish'
    """Until all its messages are handed to the middleware."""


class StageTimes:
    """The seconds that the newest frames spent in each stage; every method is thread-safe."""

    KEPT = 1000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = {stage: deque[float](maxlen=self.KEPT) for stage in Stage}

    def lap(self, since: float, stage: Stage) -> float:
        """Note that a frame has been in `stage` since then, monotonic seconds; give the time."""
        now = time.monotonic()
        with self._lock:
            self._seconds[stage].append(now - since)
        return now

    def copy(self) -> Mapping[Stage, tuple[float, ...]]:
        """Copy what later frames do not change."""
        with self._lock:
            return {stage: tuple(seconds) for stage, seconds in self._seconds.items()}
