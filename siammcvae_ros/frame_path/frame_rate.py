# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frame rate of a camera: how far apart its frames are, and when one is missing. No ROS."""

from collections import deque
from statistics import median

from siammcvae_core.restore.frame_clock import StampFault

INTERVALS = 9  # the newest, of which the median is taken
MIN_INTERVALS = 4  # before a frame can be missing
TOLERANCE = 0.5  # periods that a frame may be late
MIN_INTERVAL = 0.002  # seconds between arrivals; faster ones are a burst and have no rate


class FrameRate:
    """Watches stamps (ns) and arrivals (monotonic seconds); a replay may stretch the latter."""

    def __init__(self) -> None:
        self.last_stamp: int | None = None
        self.last_arrival: float | None = None
        self._stamps: deque[int] = deque(maxlen=INTERVALS)
        self._arrivals: deque[float] = deque(maxlen=INTERVALS)
        self._missing = 0

    def record(self, stamp: int, arrived: float, fault: StampFault | None = None) -> None:
        """Record a frame; a stamp that jumps back clears all that was measured.

        Of a frame whose stamp is unset or repeated the arrival alone counts, unless it is a copy of
        the frame before, sent at once.
        """
        last_stamp, last_arrival = self.last_stamp, self.last_arrival
        self.last_stamp, self.last_arrival, self._missing = stamp, arrived, 0
        if last_stamp is None or last_arrival is None:
            return
        interval = arrived - last_arrival
        if fault is StampFault.JUMPED_BACK:
            self._stamps.clear()
            self._arrivals.clear()
        elif fault is None:
            self._stamps.append(stamp - last_stamp)
            self._arrivals.append(interval)
        elif interval >= MIN_INTERVAL:
            self._arrivals.append(interval)

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
    def missing_seconds(self) -> float:
        """How long the frames counted as missing since the last one would have lasted [s]."""
        return self._missing * (self.period or 0.0)

    @property
    def overdue_at(self) -> float | None:
        """The monotonic time from which the next frame is missing; None while no rate is known."""
        if len(self._stamps) < MIN_INTERVALS or self.last_arrival is None:
            return None
        interval = median(self._arrivals)
        if interval < MIN_INTERVAL:
            return None
        return self.last_arrival + (self._missing + 1 + TOLERANCE) * interval

    def count_missing(self) -> int:
        """Count the next frame as missing; returns the stamp it would have had, in ns."""
        self._missing += 1
        return (self.last_stamp or 0) + round(self._missing * median(self._stamps))
