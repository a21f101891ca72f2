# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Strictly increasing stamps from the time codes of a video, which may repeat, restart or lack."""

from fractions import Fraction

import av

NANO = 10**9
TICK = NANO // 1000  # what sets frames of one time apart: the smallest step that .mkv keeps
MPEG_WRAP = 2**33  # ticks after which the clock of MPEG starts again, at 90 kHz
LONGEST = 12 * 3600 * NANO  # a longer pause is an error, and more than .mp4 can hold
LONGEST_JOINED = 10 * NANO  # the same in formats made for being joined, as of FFmpeg


class Timeline:
    """Stamps in nanoseconds since the first frame; `ends` is when the last frame ends.

    `period` is the nominal duration of a frame. Time goes on after the last frame where time codes
    restart, as in files that were joined; `restarted` then is True. `joinable` says that the format
    is made for that. Frames of the same time are set apart by the smallest tick.
    """

    def __init__(self, time_base: Fraction, period: int, joinable: bool = False) -> None:
        self.ends = 0
        self.restarted = False
        self._scale = time_base * NANO
        self._period = self._length = period
        self._longest = LONGEST_JOINED if joinable else LONGEST
        self._stamp = -TICK
        self._origin: int | None = None  # the time code at which the stamp is `_offset`
        self._offset = 0
        self._code = 0
        self._choice = _TimeCode()

    def stamp(self, frame: av.VideoFrame) -> int:
        """Return the stamp of the next frame in order of display."""
        code = self._choice.of(frame)
        stamp = self.ends if code is None else self._place(code)
        self._stamp = stamp if stamp > self._stamp else self._stamp + TICK
        duration = int((frame.duration or 0) * self._scale)
        self._length = duration if 0 < duration < LONGEST else self._period
        self.ends = self._stamp + self._length
        return self._stamp

    def _place(self, code: int) -> int:
        if self._origin is None:
            self._origin, self._offset = code, self.ends
        else:
            self._follow(code)
        self._code = code
        return self._offset + int((code - self._origin) * self._scale)

    def _follow(self, code: int) -> None:
        """Move the origin where time codes restart."""
        assert self._origin is not None
        step = (code - self._code) * self._scale
        wrapped = step + MPEG_WRAP * self._scale
        if step < 0 and 0 <= wrapped <= LONGEST_JOINED:
            self._origin -= MPEG_WRAP
        elif step > self._longest or step < -1.5 * self._length:  # less is a code out of order
            self._origin, self._offset = code, self.ends
        else:
            return
        self.restarted = True


class _TimeCode:
    """Picks pts or dts, whichever advances more reliably, as FFmpeg's guess_correct_pts does."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._faults = {'pts': 0, 'dts': 0}

    def of(self, frame: av.VideoFrame) -> int | None:
        for name in ('pts', 'dts'):
            code = getattr(frame, name)
            if code is not None:
                self._faults[name] += code <= self._last.get(name, code - 1)
                self._last[name] = code
        if frame.dts is None or self._faults['pts'] <= self._faults['dts']:
            return frame.pts if frame.pts is not None else frame.dts
        return frame.dts
