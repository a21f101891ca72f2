# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the frames of one camera leave: each once, in order, each counted. Plain Python.

An intact frame behind a restoration that is not finished waits for it, but no longer than
`max_hold`: then it overtakes the restoration, whose late result is dropped.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
import threading
import time
from typing import Any, Protocol

import numpy as np

from siammcvae_core.errors import FrameError
from siammcvae_core.restore.restorer import RestoredFrame
from siammcvae_ros.frame_path.counters import FrameCounters
from siammcvae_ros.frame_path.latency import Stage, StageTimes

NO_PIXELS = np.empty((0, 0), np.uint8)


@dataclass(frozen=True, eq=False)
class Ticket:
    """A received frame on its way through the node.

    `pixels` is a uint8 view (H, W, C) or (H, W) in `encoding`, NO_PIXELS where the message has no
    readable ones; `stamp` in nanoseconds; `arrived` in seconds on the monotonic clock; `number`
    counts the camera's frames in order of arrival; `found` is what the fault detector says is lost,
    bool (H, W), None if nothing, or why it could not look; `lost`, bool (H, W), what is to be
    restored, None until something is known to be; `concealed` is True of a frame that never came;
    `since`, on the monotonic clock, is when its present stage began.
    """

    message: Any
    stamp: int
    arrived: float
    pixels: np.ndarray = field(default_factory=lambda: NO_PIXELS)
    encoding: str = ''
    number: int = 0
    found: np.ndarray | FrameError | None = None
    lost: np.ndarray | None = None
    concealed: bool = False
    since: float = 0.0


class Output(Protocol):
    """Publishes; called from two threads, never at the same time for one camera."""

    def pass_on(self, ticket: Ticket) -> None:
        """Publish the received message as it is."""

    def publish(self, ticket: Ticket, restored: RestoredFrame) -> None:
        """Publish a restored frame under the header of the received one."""

    def blank(self, ticket: Ticket, stamp: int) -> Any:
        """Give a message like that of a frame, without pixels, stamped `stamp` ns."""


@dataclass(frozen=True)
class _Held:
    ticket: Ticket
    reason: str
    deadline: float


class OutputQueue:
    """Lets frames out in order and keeps the account of them; every method is thread-safe."""

    LATENCIES_KEPT = 1000

    def __init__(self, output: Output, max_hold: float = 0.0) -> None:
        self.max_hold = max_hold
        self.last_error = ''
        self._output = output
        self._lock = threading.Lock()
        self._counters = FrameCounters()
        self._times = StageTimes()
        self._passed_seconds: deque[float] = deque(maxlen=self.LATENCIES_KEPT)
        self._restored_seconds: deque[float] = deque(maxlen=self.LATENCIES_KEPT)
        self._last_out = 0
        self._numbered = 0
        self._unfinished: set[int] = set()
        self._held: deque[_Held] = deque()

    def admit(self, concealed: bool = False) -> int:
        """Count a received frame and give it its number; one that never came has a number only."""
        with self._lock:
            self._counters.received += not concealed
            self._numbered += 1
            return self._numbered

    def lap(self, ticket: Ticket, stage: Stage) -> Ticket:
        """Note that a frame is through a stage: give its ticket for the next."""
        return replace(ticket, since=self._times.lap(ticket.since, stage))

    def blank(self, ticket: Ticket, stamp: int) -> Any:
        """Give a message like that of a frame, without pixels, stamped `stamp` ns."""
        return self._output.blank(ticket, stamp)

    def announce(self, ticket: Ticket) -> None:
        """Tell that this frame is damaged and will be published, passed on or dropped later."""
        with self._lock:
            self._unfinished.add(ticket.number)

    def is_overtaken(self, ticket: Ticket) -> bool:
        """Whether a later frame has already left."""
        return ticket.number < self._last_out

    def pass_on(self, ticket: Ticket, reason: str) -> None:
        """Let the received message out untouched, now or after the restorations ahead of it."""
        held = _Held(ticket, reason, ticket.arrived + self.max_hold)
        with self._lock:
            self._unfinished.discard(ticket.number)
            if self.max_hold > 0.0 and self._is_behind(ticket):
                self._held.append(held)
            else:
                self._leave(held)
                self._release()

    def publish(self, ticket: Ticket, restored: RestoredFrame) -> None:
        """Let a restored frame out, and those that waited for it."""
        with self._lock:
            self._unfinished.discard(ticket.number)
            if self._in_order(ticket, lambda: self._output.publish(ticket, restored)):
                if ticket.concealed:
                    self._counters.concealed += 1
                else:
                    self._counters.restored[restored.method.value] += 1
                self._restored_seconds.append(time.monotonic() - ticket.arrived)
            self._release()

    def drop(self, ticket: Ticket, reason: str) -> None:
        """Count a frame as dropped, and let out those that waited for it."""
        with self._lock:
            self._unfinished.discard(ticket.number)
            self._count_drop(ticket, reason)
            self._release()

    @property
    def deadline(self) -> float | None:
        """The monotonic time at which `expire` has something to do; None while nothing is held."""
        with self._lock:
            return self._held[0].deadline if self._held else None

    def expire(self, now: float) -> None:
        """Let out the frames that have been held long enough."""
        with self._lock:
            while self._held and self._held[0].deadline <= now:
                self._leave(self._held.popleft())

    def close(self) -> None:
        """Drop the held frames; the node stops serving."""
        with self._lock:
            self._counters.dropped['deactivated'] += len(self._held)
            self._held.clear()
            self._unfinished.clear()

    def account(self) -> tuple[FrameCounters, tuple[float, ...], tuple[float, ...]]:
        """Copy the tally and the last seconds from arrival to departure, passed and restored."""
        with self._lock:
            return self._counters.copy(), tuple(self._passed_seconds), tuple(self._restored_seconds)

    @property
    def stages(self) -> Mapping[Stage, tuple[float, ...]]:
        """Copy the seconds that the newest frames spent in each stage."""
        return self._times.copy()

    def _is_behind(self, ticket: Ticket) -> bool:
        return any(number < ticket.number for number in self._unfinished)

    def _release(self) -> None:
        while self._held and not self._is_behind(self._held[0].ticket):
            self._leave(self._held.popleft())

    def _leave(self, held: _Held) -> None:
        ticket = self.lap(held.ticket, Stage.HOLD)
        if self._in_order(ticket, lambda: self._output.pass_on(ticket)):
            self._counters.passed[held.reason] += 1
            self._passed_seconds.append(time.monotonic() - ticket.arrived)

    def _count_drop(self, ticket: Ticket, reason: str) -> None:
        if not ticket.concealed:
            self._counters.dropped[reason] += 1

    def _in_order(self, ticket: Ticket, send: Callable[[], None]) -> bool:
        if self.is_overtaken(ticket):
            self._count_drop(ticket, 'overtaken')
            return False
        self._last_out = ticket.number  # the image may be out where its companions failed
        try:
            send()
        except Exception as error:
            self.last_error = f'{type(error).__name__}: {error}'
            self._count_drop(ticket, 'publish_failed')
            return False
        self._times.lap(ticket.since, Stage.PUBLISH)
        return True
