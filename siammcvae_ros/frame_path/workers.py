# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The threads that restore: they serve every camera and own the restorers and the engine."""

from collections.abc import Callable, Sequence
import math
import os
import sys
import threading
import time

from siammcvae_ros.frame_path.camera import Camera

NICENESS = 5  # added, to stay behind the thread that receives and publishes intact frames


class Workers:
    """Serve the cameras: the longest-waiting damaged frame first, then observations.

    When nothing waits they prepare for the next damaged frame. A camera is served by one of them at
    a time.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._cameras: Sequence[Camera] = ()
        self._condition = threading.Condition()
        self._served: set[Camera] = set()
        self._threads: list[threading.Thread] = []

    def wake(self) -> None:
        """Wake a worker: a camera has something to process."""
        with self._condition:
            self._condition.notify()

    def start(self, cameras: Sequence[Camera], count: int = 0) -> None:
        """Start `count` threads that serve these cameras; 0 is `default_count()`."""
        self._cameras = cameras
        count = min(count or default_count(), len(cameras))
        self._threads = [
            threading.Thread(target=self._run, args=(count,), name=f'worker {n}', daemon=True)
            for n in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> bool:
        """End after the jobs at hand; False if they did not end within `timeout` seconds."""
        with self._condition:
            threads, self._threads = self._threads, []
            self._condition.notify_all()
        end = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _run(self, count: int) -> None:
        _lower_priority()
        while (camera := self._take()) is not None:
            try:
                damaged = sum(other.is_damaged for other in self._cameras)
                camera.process_next(math.ceil(damaged / count))
            except Exception as error:
                self._report(f"camera '{camera.name}': {type(error).__name__}: {error}")
            finally:
                with self._condition:
                    self._served.discard(camera)
                    self._condition.notify()

    def _take(self) -> Camera | None:
        """Wait for a camera that has something to process; None when the thread is to end.

        A thread that outlasted `stop` ends too, though others may have started since.
        """
        with self._condition:
            while threading.current_thread() in self._threads:
                if (camera := self._next()) is not None:
                    self._served.add(camera)
                    return camera
                self._condition.wait()
        return None

    def _next(self) -> Camera | None:
        free = [c for c in self._cameras if c not in self._served]
        damaged = [(c.damaged_since, c) for c in free]
        urgent = [(since, c) for since, c in damaged if since is not None]
        if urgent:
            return min(urgent, key=lambda pair: pair[0])[1]
        waiting = (c for c in free if c.has_pending)
        return next(waiting, next((c for c in free if c.restorer.unprepared), None))


def default_count() -> int:
    """Half the processor cores, at least 1: the others are for those who use the frames."""
    return max(1, len(os.sched_getaffinity(0)) // 2)


def _lower_priority() -> None:
    """Let the other threads of the process go first; Linux only, where threads have a niceness."""
    if sys.platform == 'linux':
        thread = threading.get_native_id()
        niceness = os.getpriority(os.PRIO_PROCESS, thread) + NICENESS
        os.setpriority(os.PRIO_PROCESS, thread, niceness)
