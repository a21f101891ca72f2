# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The rhythm of a camera: how far apart its frames are, and when one is missing. No ROS."""

from collections import deque
from statistics import median

INTERVALS = 9  # of the newest, whose medians count
KNOWN = 4  # intervals before anything is missed
LATE = 0.5  # periods that a frame may be late
SHORTEST = 0.002  # seconds between arrivals; what comes faster has no rhythm


class FrameRate:
    """Watches stamps (ns) and arrivals (monotonic seconds), which a replay may tell apart."""

    def __init__(self) -> None:
        self.last_stamp: int | None = None
        self.last_arrival: float | None = None
        self._stamps: deque[int] = deque(maxlen=INTERVALS)
        self._arrivals: deque[float] = deque(maxlen=INTERVALS)
        self._missed = 0

    def beat(self, stamp: int, arrived: float) -> bool:
        """Take note of a frame; False if its stamp jumps back, and everything starts anew."""
        last_stamp, last_arrival = self.last_stamp, self.last_arrival
        self.last_stamp, self.last_arrival, self._missed = stamp, arrived, 0
        if last_stamp is None or last_arrival is None:
            return True
        if stamp < last_stamp:
            self._stamps.clear()
            self._arrivals.clear()
            return False
        if stamp > last_stamp:
            self._stamps.append(stamp - last_stamp)
            self._arrivals.append(arrived - last_arrival)
        return True

    @property
    def period(self) -> float | None:
        """Seconds from stamp to stamp; None before the second frame."""
        stamps = self._stamps.copy()
        return median(stamps) * 1e-9 if stamps else None

    @property
    def interval(self) -> float | None:
        """Seconds from arrival to arrival, which a replay may stretch; None before the second."""
        arrivals = self._arrivals.copy()
        return median(arrivals) if arrivals else None

    @property
    def missed(self) -> float:
        """Seconds of the stream that were missed since the last frame."""
        return self._missed * (self.period or 0.0)

    @property
    def due(self) -> float | None:
        """When the next frame counts as missing, in monotonic seconds; None without a rhythm."""
        if len(self._arrivals) < KNOWN or self.last_arrival is None:
            return None
        interval = median(self._arrivals)
        if interval < SHORTEST:
            return None
        return self.last_arrival + (self._missed + 1 + LATE) * interval

    def miss(self) -> int:
        """Give up the next frame: the stamp it would have had."""
        self._missed += 1
        return (self.last_stamp or 0) + round(self._missed * median(self._stamps))
