# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one thread that restores: it serves every camera and owns the restorers and the engine."""

from collections.abc import Callable, Sequence
import os
import sys
import threading

from siammcvae_ros.camera import Camera

STEPS_BACK = 5  # of niceness, behind the thread that receives and lets intact frames out


class Worker:
    """Serves the cameras: the longest-waiting damaged frame first, then observations.

    When nothing waits it prepares for the next damaged frame.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._cameras: Sequence[Camera] = ()
        self._condition = threading.Condition()
        self._awake = False
        self._stopping = False
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Tell the thread that a camera has something to do."""
        with self._condition:
            self._awake = True
            self._condition.notify()

    def start(self, cameras: Sequence[Camera]) -> None:
        """Begin to serve these cameras."""
        self._cameras = cameras
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name='restoration', daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """End after the job at hand; False if it did not end within `timeout` seconds."""
        thread, self._thread = self._thread, None
        if thread is None:
            return True
        with self._condition:
            self._stopping = True
            self._condition.notify()
        thread.join(timeout)
        return not thread.is_alive()

    def _run(self) -> None:
        _step_back()
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._awake or self._stopping)
                self._awake = False
                if self._stopping:
                    return
            while not self._stopping and (camera := self._next()) is not None:
                try:
                    camera.work(sum(other.is_damaged for other in self._cameras))
                except Exception as error:
                    self._report(f"camera '{camera.name}': {type(error).__name__}: {error}")

    def _next(self) -> Camera | None:
        damaged = [(c.damaged_since, c) for c in self._cameras]
        urgent = [(since, c) for since, c in damaged if since is not None]
        if urgent:
            return min(urgent, key=lambda pair: pair[0])[1]
        waiting = (c for c in self._cameras if c.has_work)
        return next(waiting, next((c for c in self._cameras if c.restorer.unprepared), None))


def _step_back() -> None:
    """Let the other threads of the process go first; Linux only, where threads have a niceness."""
    if sys.platform == 'linux':
        thread = threading.get_native_id()
        niceness = os.getpriority(os.PRIO_PROCESS, thread) + STEPS_BACK
        os.setpriority(os.PRIO_PROCESS, thread, niceness)
