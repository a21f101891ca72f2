# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The time of a camera's frames: their stamps while these advance, their arrival where not."""

from enum import Enum

STEP = 1e-6  # seconds that time advances at least: float64 resolves less of today's stamps


class StampFault(str, Enum):
    """What is wrong with a stamp."""

    UNSET = 'unset'
    REPEATED = 'repeated'
    JUMPED_BACK = 'jumped_back'


class FrameClock:
    """Turns stamps (ns) and arrivals (s, any steady clock) of consecutive frames into one time.

    With stamps sᵢ and arrivals aᵢ the time of frame i is

        tᵢ = sᵢ  if sᵢ > tᵢ₋₁, else tᵢ₋₁ + (aᵢ - aᵢ₋₁)

    so that ages are right where a driver leaves stamps at 0, repeats them or stands still. A stamp
    before the last one starts the time anew.
    """

    def __init__(self) -> None:
        self.seconds: float | None = None
        self._stamp: int | None = None
        self._arrived = 0.0

    def record(self, stamp: int, arrived: float) -> tuple[float, StampFault | None]:
        """Return the time of the next frame in seconds, and what is wrong with its stamp."""
        fault = self._fault(stamp)
        seconds = stamp * 1e-9
        last = None if fault is StampFault.JUMPED_BACK else self.seconds
        if last is not None and (fault or seconds <= last):
            seconds = last + max(arrived - self._arrived, STEP)
        self.seconds, self._arrived = seconds, arrived
        self._stamp = stamp
        return seconds, fault

    def _fault(self, stamp: int) -> StampFault | None:
        if self._stamp is not None and stamp < self._stamp:
            return StampFault.JUMPED_BACK
        if stamp == 0:
            return StampFault.UNSET
        return StampFault.REPEATED if stamp == self._stamp else None
