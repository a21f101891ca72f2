# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The output of one camera: frames leave once each, in order, and are counted. Plain Python.

An intact frame behind a restoration that is not finished waits for it, but no longer than
`max_hold` seconds: then it overtakes the restoration, whose late result is dropped.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
import threading
import time
from typing import Any, Protocol

import numpy as np

from siammcvae_core.errors import FrameError
from siammcvae_core.restore.restored_frame import RestoredFrame
from siammcvae_ros.frame_path.counters import FrameCounters
from siammcvae_ros.frame_path.latency import Stage, StageTimes

NO_PIXELS = np.empty((0, 0), np.uint8)
LATE_MASK = 'late_mask'  # reason: damaged, as its mask says, but the frame had left before


@dataclass(frozen=True, eq=False)
class CameraFrame:
    """A frame of a camera on its way through the node.

    `message` is the received message; `stamp` in nanoseconds; `arrived` in monotonic seconds.
    `pixels` is a uint8 view (H, W, C) or (H, W) in `encoding`, NO_PIXELS if they are unreadable.
    `number` counts the camera's frames in order of arrival. `detected` is what the fault detector
    takes for lost, bool (H, W), None if nothing, or the error it failed with. `lost`, bool (H, W),
    is what is to be restored, None while nothing is. `concealed` marks a frame that never came and
    is restored as a whole. `since` is when its present stage began, in monotonic seconds. `time` is
    that of the restorer, in seconds: the stamp, or where stamps do not advance the arrival.
    """

    message: Any
    stamp: int
    arrived: float
    pixels: np.ndarray = field(default_factory=lambda: NO_PIXELS)
    encoding: str = ''
    number: int = 0
    detected: np.ndarray | FrameError | None = None
    lost: np.ndarray | None = None
    concealed: bool = False
    since: float = 0.0
    time: float = 0.0


class Output(Protocol):
    """Publishes; called from two threads, never at the same time for one camera."""

    def pass_through(self, frame: CameraFrame) -> None:
        """Publish the received message unchanged."""

    def publish(self, frame: CameraFrame, restored: RestoredFrame) -> None:
        """Publish a restored frame under the header of the received one."""

    def empty_message(self, frame: CameraFrame, stamp: int) -> Any:
        """Build a message of the frame's size and encoding without pixels, stamped `stamp` ns."""


@dataclass(frozen=True)
class _HeldFrame:
    frame: CameraFrame
    reason: str
    patience: float = 0.0
    """Seconds after its arrival for which it is held at least."""


class OutputQueue:
    """Publishes frames in order and counts them; every method is thread-safe."""

    CAPACITY = 1000  # latencies
    HISTORY = 256  # frames passed on as intact or restored, which may turn out to be damaged
    PATIENCE = 1.0  # seconds that a superseded frame waits for the restoration before it

    def __init__(self, output: Output, max_hold: float = 0.0) -> None:
        self.max_hold = max_hold
        self.last_error = ''
        self.errors: dict[str, str] = {}
        """The newest error by the reason it is counted under."""
        self._output = output
        self._lock = threading.Lock()
        self._counters = FrameCounters()
        self._stage_times = StageTimes()
        self._passed_seconds: deque[float] = deque(maxlen=self.CAPACITY)
        self._restored_seconds: deque[float] = deque(maxlen=self.CAPACITY)
        self._last_out = 0
        self._numbered = 0
        self._unfinished: set[int] = set()
        self._held: deque[_HeldFrame] = deque()
        self._passed_intact: deque[int] = deque(maxlen=self.HISTORY)
        self._restored: deque[int] = deque(maxlen=self.HISTORY)

    def admit(self, concealed: bool = False) -> int:
        """Count a received frame and return its number; a concealed one is numbered only."""
        with self._lock:
            self._counters.received += not concealed
            self._numbered += 1
            return self._numbered

    def end_stage(self, frame: CameraFrame, stage: Stage) -> CameraFrame:
        """Record the time a frame spent in a stage; returns the frame, its next stage begun."""
        return replace(frame, since=self._stage_times.record(frame.since, stage))

    def record_error(self, reason: str, text: str) -> None:
        """Record why a frame is counted under a reason, for people."""
        self.last_error = text
        self.errors[reason] = text

    def empty_message(self, frame: CameraFrame, stamp: int) -> Any:
        """Build a message of the frame's size and encoding without pixels, stamped `stamp` ns."""
        return self._output.empty_message(frame, stamp)

    def start_restoring(self, frame: CameraFrame) -> None:
        """Let later frames wait for this damaged one, until it is published or dropped."""
        with self._lock:
            self._unfinished.add(frame.number)

    def is_overtaken(self, frame: CameraFrame) -> bool:
        """Whether a later frame has already left."""
        return frame.number < self._last_out

    def pass_through(self, frame: CameraFrame, reason: str) -> None:
        """Publish the received message unchanged, now or after the restorations ahead of it."""
        held = _HeldFrame(frame, reason)
        with self._lock:
            self._unfinished.discard(frame.number)
            if self.max_hold > 0.0 and self._is_behind(frame):
                self._held.append(held)
            else:
                self._publish_held(held)
                self._publish_ready()

    def pass_superseded(self, frame: CameraFrame) -> None:
        """Publish the message of a damaged frame that a newer one took the restoration from.

        It does not overtake the restoration ahead of it, and leaves before any later frame.
        """
        with self._lock:
            self._unfinished.discard(frame.number)
            self._held.append(_HeldFrame(frame, 'superseded', self.PATIENCE))
            self._publish_ready()

    def found_damaged(self, number: int) -> None:
        """Count a frame as damaged, or as more damaged: a mask that came too late says so."""
        with self._lock:
            if number in self._unfinished or number in self._restored:
                self._counters.incomplete += 1
            if number in self._passed_intact:
                self._passed_intact.remove(number)
                self._counters.passed['intact'] -= 1
                self._counters.passed[LATE_MASK] += 1
            for index, held in enumerate(self._held):
                if held.frame.number == number and held.reason == 'intact':
                    self._held[index] = replace(held, reason=LATE_MASK)

    def publish(self, frame: CameraFrame, restored: RestoredFrame) -> None:
        """Publish a restored frame, and those that waited for it."""
        with self._lock:
            self._unfinished.discard(frame.number)
            if self._publish_in_order(frame, lambda: self._output.publish(frame, restored)):
                if frame.concealed:
                    self._counters.concealed += 1
                else:
                    self._counters.restored[restored.method.value] += 1
                    self._restored.append(frame.number)
                self._restored_seconds.append(time.monotonic() - frame.arrived)
            self._publish_ready()

    def drop(self, frame: CameraFrame, reason: str) -> None:
        """Count a frame as dropped, and publish those that waited for it."""
        with self._lock:
            self._unfinished.discard(frame.number)
            self._count_drop(frame, reason)
            self._publish_ready()

    @property
    def deadline(self) -> float | None:
        """The monotonic time at which `expire` has something to do; None while nothing is held."""
        with self._lock:
            return min(map(self._deadline, self._held), default=None)

    def expire(self, now: float) -> None:
        """Publish the frames that have been held long enough, and those held before them."""
        with self._lock:
            while any(self._deadline(held) <= now for held in self._held):
                self._publish_held(self._held.popleft())

    def close(self) -> None:
        """Drop the held frames; the node stops serving."""
        with self._lock:
            self._counters.dropped['deactivated'] += len(self._held)
            self._held.clear()
            self._unfinished.clear()

    def statistics(self) -> tuple[FrameCounters, tuple[float, ...], tuple[float, ...]]:
        """Copy the counters and the newest latencies [s] of passed and of restored frames."""
        with self._lock:
            return self._counters.copy(), tuple(self._passed_seconds), tuple(self._restored_seconds)

    @property
    def stage_times(self) -> Mapping[Stage, tuple[float, ...]]:
        """The seconds that the newest frames spent in each stage."""
        return self._stage_times.copy()

    def _deadline(self, held: _HeldFrame) -> float:
        return held.frame.arrived + max(self.max_hold, held.patience)

    def _is_behind(self, frame: CameraFrame) -> bool:
        return any(number < frame.number for number in self._unfinished)

    def _publish_ready(self) -> None:
        while self._held and not self._is_behind(self._held[0].frame):
            self._publish_held(self._held.popleft())

    def _publish_held(self, held: _HeldFrame) -> None:
        frame = self.end_stage(held.frame, Stage.HOLD)
        if self._publish_in_order(frame, lambda: self._output.pass_through(frame)):
            self._counters.passed[held.reason] += 1
            if held.reason == 'intact':
                self._passed_intact.append(frame.number)
            self._passed_seconds.append(time.monotonic() - frame.arrived)

    def _count_drop(self, frame: CameraFrame, reason: str) -> None:
        if not frame.concealed:
            self._counters.dropped[reason] += 1

    def _publish_in_order(self, frame: CameraFrame, send: Callable[[], None]) -> bool:
        if self.is_overtaken(frame):
            self._count_drop(frame, 'overtaken')
            return False
        self._last_out = frame.number  # the image may be out where its companions failed
        try:
            send()
        except Exception as error:
            self.record_error('publish_failed', f'{type(error).__name__}: {error}')
            self._count_drop(frame, 'publish_failed')
            return False
        self._stage_times.record(frame.since, Stage.PUBLISH)
        return True
