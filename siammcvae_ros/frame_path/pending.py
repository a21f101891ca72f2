# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frames of one camera that wait for a worker: the two newest intact, the newest damaged."""

from collections import deque
from dataclasses import dataclass
import threading

from siammcvae_ros.frame_path.output_queue import CameraFrame


@dataclass(frozen=True)
class Job:
    """What a worker does next.

    First the restorer forgets the frames with the times in `forget` (s), which turned out to be
    damaged; then it observes a frame or restores one.
    """

    forget: tuple[float, ...] = ()
    observe: CameraFrame | None = None
    restore: CameraFrame | None = None


class PendingFrames:
    """Hands frames from the executor thread to the workers; every method is thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forget: list[float] = []
        self._observe: deque[CameraFrame] = deque(maxlen=2)
        self._restore: CameraFrame | None = None

    def __bool__(self) -> bool:
        """Whether there is a job to take."""
        return bool(self._forget or self._observe or self._restore)

    @property
    def to_restore(self) -> CameraFrame | None:
        """The damaged frame that waits, None if there is none."""
        return self._restore

    def observe(self, frame: CameraFrame) -> None:
        """Add an intact frame; the older of two that wait already is not observed."""
        with self._lock:
            self._observe.append(frame)

    def restore(self, frame: CameraFrame) -> CameraFrame | None:
        """Add a damaged frame; returns the one that waited until now and will not be restored."""
        with self._lock:
            previous, self._restore = self._restore, frame
        return previous

    def forget(self, seconds: float) -> None:
        """Observe no frame of this time (s), and forget it if it has been observed."""
        with self._lock:
            for frame in [waiting for waiting in self._observe if waiting.time == seconds]:
                self._observe.remove(frame)
            self._forget.append(seconds)

    def take(self) -> Job:
        """Take the next job, in the order of the frames; an empty one if nothing waits."""
        with self._lock:
            forget, self._forget = tuple(self._forget), []
            oldest = self._observe[0] if self._observe else None
            if oldest and (self._restore is None or oldest.number < self._restore.number):
                return Job(forget, observe=self._observe.popleft())
            restore, self._restore = self._restore, None
            return Job(forget, restore=restore)

    def clear(self) -> CameraFrame | None:
        """Drop what waits; returns the damaged frame, which is not settled yet."""
        with self._lock:
            self._forget.clear()
            self._observe.clear()
            restore, self._restore = self._restore, None
        return restore
