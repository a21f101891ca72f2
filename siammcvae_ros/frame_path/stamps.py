# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The stamps of one camera: the time they mean, what is wrong with them, and the frame rate."""

from collections import Counter, deque
from typing import NamedTuple

from siammcvae_core.restore.frame_clock import FrameClock, StampFault
from siammcvae_ros.frame_path.frame_rate import FrameRate
from siammcvae_ros.frame_path.mask_matching import MaskMatcher


class Arrival(NamedTuple):
    """A frame that came: its stamp (ns), its time (s, see `FrameClock`) and its number."""

    stamp: int
    time: float
    number: int


class Stamps:
    """Watches the stamps of a camera; executor thread only, but for `faults`, which is copied."""

    def __init__(self) -> None:
        self.frame_rate = FrameRate()
        self.faults: Counter[str] = Counter()
        self.fault: StampFault | None = None
        """What is wrong with the newest stamp."""
        self._clock = FrameClock()
        self._arrivals: deque[Arrival] = deque(maxlen=MaskMatcher.HISTORY)

    def record(self, stamp: int, arrived: float, number: int) -> float:
        """Record a frame that arrived (monotonic seconds); returns its time in seconds."""
        seconds, self.fault = self._clock.record(stamp, arrived)
        self.frame_rate.record(stamp, arrived, self.fault)
        if self.fault is not None:
            self.faults[self.fault.value] += 1
        if self.fault is StampFault.JUMPED_BACK:
            self._arrivals.clear()
        self._arrivals.append(Arrival(stamp, seconds, number))
        return seconds

    def arrivals_of(self, stamp: int) -> list[Arrival]:
        """Return the newest frames that had this stamp."""
        return [arrival for arrival in self._arrivals if arrival.stamp == stamp]
