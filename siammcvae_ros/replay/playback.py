# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Plays a source in real time: when each frame is due, pauses, loops, injected faults.

Plain Python; one thread calls `Playback.run`, any other may start, pause and stop it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
import threading
import time
from typing import TypeVar

import numpy as np

from siammcvae_core.errors import SourceError
from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.frames import Frame, Source

NANO = 10**9
LONGEST_STEP = 5 * NANO
RECORDED = 'recorded'  # the fault of frames that the recording itself has lost some of

Message = TypeVar('Message')


@dataclass(frozen=True)
class PlaybackFrame:
    """A frame to be delivered.

    `frame.image` is C-contiguous and damaged where `mask` is not 0; `mask` is uint8, 0 = intact,
    255 = lost, of the frame's size or its grid of cells; `fault` names the injected fault, or it is
    RECORDED.
    """

    frame: Frame
    mask: np.ndarray
    fault: str | None


class Schedule:
    """When frames are due, by their stamps alone, so that delays do not add up.

    After a stamp that stands still, goes back (a loop) or jumps by more than 5 s, the frame is due
    one nominal period after the one before.
    """

    def __init__(self, rate: float, speed: float = 1.0) -> None:
        self._period = round(NANO / rate)
        self._speed = speed
        self._last: int | None = None
        self._elapsed = 0

    def due(self, stamp: int) -> float:
        """Return the seconds from the first frame to the one of `stamp` (ns), the next in order."""
        if self._last is not None:
            step = stamp - self._last
            self._elapsed += step if 0 < step <= LONGEST_STEP else self._period
        self._last = stamp
        return self._elapsed / NANO / self._speed


class Playback:
    """Delivers every frame of a source on schedule, late ones at once.

    speed: 2.0 plays twice as fast. max_hz: upper limit of deliveries per second, 0 = none.
    loop: start over at the end, with the same stamps and faults. frames: play only so many from the
    start, 0 = all. mask_scale: side in pixels of a mask's cells; a cell is lost if any of its
    pixels is. paused: begin only after `pause(False)`.
    """

    def __init__(
        self,
        source: Source,
        faults: FaultInjector,
        *,
        speed: float = 1.0,
        max_hz: float = 0.0,
        loop: bool = False,
        frames: int = 0,
        mask_scale: int = 1,
        paused: bool = False,
    ) -> None:
        self._source = source
        self._faults = faults
        self._loop = loop
        self._frames = frames
        self._mask_scale = mask_scale
        self._schedule = Schedule(source.rate, speed)
        self._shortest_gap = 1 / max_hz if max_hz else 0.0
        self._change = threading.Condition()
        self._started = False
        self._stopped = False
        self._paused = paused
        self._paused_at = 0.0
        self._origin: float | None = None
        self._delivered_at = float('-inf')
        self.delivered = 0
        self.damaged: Counter[str] = Counter()

    def run(
        self,
        prepare: Callable[[PlaybackFrame], Message],
        deliver: Callable[[Message], None],
        warn: Callable[[str], None],
    ) -> None:
        """Play until the end or `stop`.

        `prepare` builds a message ahead of its time, `deliver` sends it on time; `warn` gets a line
        when a pass ended early because the source is damaged. Raises SourceError if no frame can be
        read.
        """
        while self._play_once(prepare, deliver):
            if self._source.broken:
                warn(f'{self._source.name}: {self._source.broken}')
            if not self._loop:
                return

    def start(self) -> None:
        """Deliver the first frame; until this is called, `run` waits."""
        with self._change:
            self._started = True
            self._change.notify_all()

    def pause(self, paused: bool) -> None:
        """Pause or resume; once this has returned with `paused` true, no frame is delivered."""
        with self._change:
            now = time.monotonic()
            if paused and not self._paused:
                self._paused_at = now
            elif self._paused and not paused and self._origin is not None:
                self._origin += now - self._paused_at
            self._paused = paused
            self._change.notify_all()

    def stop(self) -> None:
        """Make `run` return before the next frame."""
        with self._change:
            self._stopped = True
            self._change.notify_all()

    def _play_once(
        self, prepare: Callable[[PlaybackFrame], Message], deliver: Callable[[Message], None]
    ) -> bool:
        """Play from the first frame to the last; False if it was stopped before."""
        empty = True
        for frame in islice(self._source, self._frames or None):
            empty = False
            played = self._inject(frame)
            message = prepare(played)
            with self._change:
                if not self._wait(self._schedule.due(frame.stamp)):
                    return False
                deliver(message)
                self.delivered += 1
                if played.fault is not None:
                    self.damaged[played.fault] += 1
        if empty:
            raise SourceError(f'{self._source.name}: {self._source.broken or "no frames"}')
        return True

    def _wait(self, due: float) -> bool:
        """Wait, with the lock held, for a frame's time; return False if playback is stopped."""
        while not self._stopped:
            now = time.monotonic()
            remaining = None
            if self._started and not self._paused:
                if self._origin is None:
                    self._origin = now
                at = max(self._origin + due, self._delivered_at + self._shortest_gap)
                remaining = at - now
                if remaining <= 0:
                    self._delivered_at = now
                    return True
            self._change.wait(remaining)
        return False

    def _inject(self, frame: Frame) -> PlaybackFrame:
        """Damage the frame with the fault of its index, if there is one."""
        image = np.ascontiguousarray(frame.image)
        alpha = image[..., 3] if image.ndim == 3 and image.shape[2] == 4 else None
        colour = image if alpha is None else np.ascontiguousarray(image[..., :3])
        damaged = self._faults.inject(frame.index, colour)
        if damaged.fault is not None:
            image = damaged.frame if alpha is None else np.dstack((damaged.frame, alpha))
        lost, fault = damaged.mask, damaged.fault
        if frame.mask is not None and frame.mask.any():
            lost, fault = lost | frame.mask, fault or RECORDED
        mask = lost.view(np.uint8) * np.uint8(255)
        if self._mask_scale > 1:
            mask = _cells(mask, self._mask_scale)
        return PlaybackFrame(replace(frame, image=image), mask, fault)


def _cells(mask: np.ndarray, side: int) -> np.ndarray:
    """Shrink a mask (H, W) to its grid (ceil(H / side), ceil(W / side)); lost if any pixel is."""
    rows, columns = (np.arange(0, length, side) for length in mask.shape)
    return np.maximum.reduceat(np.maximum.reduceat(mask, rows, axis=0), columns, axis=1)
