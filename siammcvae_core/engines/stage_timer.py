# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How long each stage of a restoration takes."""

import time


class StageTimer:
    """A clock that is read between stages; a reading takes less than a microsecond.

    `seconds` are the durations of stages by name, in the order in which they came; those of a stage
    that comes again are added up.

    >>> timer = StageTimer()
    >>> total = sum(range(1000))
    >>> timer.lap('sum')
    >>> list(timer.seconds)
    ['sum']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Book the time since the last call, or since the beginning, to a stage."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now
