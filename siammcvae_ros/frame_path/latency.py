# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How long the newest frames spent in each stage of the node."""

from collections import deque
from collections.abc import Mapping
from enum import Enum
import threading
import time


class Stage(str, Enum):
    """The stages of a frame, in order.

    Frames that are passed through skip some, restored ones skip HOLD. The fault detector, which
    works between INTAKE and MASK_WAIT, measures its own time.
    """

    INTAKE = 'intake'
    """From the middleware into the node: waiting behind other messages, then decoding."""
    MASK_WAIT = 'mask_wait'
    """Until its fault mask has come or the wait for it has ended."""
    QUEUE = 'queue'
    """Until the worker has time for it."""
    RESTORE = 'restore'
    """The restoration, successful or not."""
    HOLD = 'hold'
    """Waiting for the restoration of an earlier frame."""
    PUBLISH = 'publish'
    """Until all its messages have been handed to the middleware."""


class StageTimes:
    """The seconds that the newest frames spent in each stage; every method is thread-safe."""

    CAPACITY = 1000  # frames

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = {stage: deque[float](maxlen=self.CAPACITY) for stage in Stage}

    def record(self, since: float, stage: Stage) -> float:
        """Record that a frame was in `stage` from `since` until now; returns now, monotonic [s]."""
        now = time.monotonic()
        with self._lock:
            self._seconds[stage].append(now - since)
        return now

    def copy(self) -> Mapping[Stage, tuple[float, ...]]:
        """Copy the seconds of each stage, oldest first."""
        with self._lock:
            return {stage: tuple(seconds) for stage, seconds in self._seconds.items()}
