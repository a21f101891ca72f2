# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node's counters of a camera, read from `/diagnostics`. Plain Python."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
import math


@dataclass(frozen=True)
class CameraDiagnostics:
    """What the node reports of one camera.

    `restored` counts by method of the fallback chain, `passed` and `dropped` by reason; latencies
    are in milliseconds from message in to message out, NaN where there was none.
    """

    received: int = 0
    in_flight: int = 0
    restored: Mapping[str, int] = field(default_factory=dict)
    passed: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    last_error: str = ''

    @classmethod
    def read(cls, values: Mapping[str, str]) -> 'CameraDiagnostics':
        """Read the key-value pairs of the camera's DiagnosticStatus."""

        def counts(group: str) -> dict[str, int]:
            prefix = f'{group}.'
            return {k[len(prefix) :]: int(v) for k, v in values.items() if k.startswith(prefix)}

        names = ('restored_ms_p50', 'restored_ms_p99', 'passed_ms_p50', 'passed_ms_p99')
        return cls(
            received=int(values['received']),
            in_flight=int(values['in_flight']),
            restored=counts('restored'),
            passed=counts('passed'),
            dropped=counts('dropped'),
            latency_ms={name: _number(values[name]) for name in names},
            last_error=values['last_error'],
        )

    @property
    def frames_restored(self) -> int:
        """Frames published with restored pixels."""
        return sum(self.restored.values())

    @property
    def frames_passed(self) -> int:
        """Frames published as they came."""
        return sum(self.passed.values())

    @property
    def frames_out(self) -> int:
        """Frames published."""
        return self.frames_restored + self.frames_passed

    @property
    def frames_dropped(self) -> int:
        """Frames not published."""
        return sum(self.dropped.values())

    @property
    def is_settled(self) -> bool:
        """Whether every frame received has become one output or one counted drop."""
        return self.in_flight == 0 and self.received == self.frames_out + self.frames_dropped


def restoring_methods(history: Iterable[CameraDiagnostics]) -> list[str]:
    """Name the method that restored each frame, in order, from successive diagnostics.

    Where several methods served between two of them, their order is unknown: 'copy or warp'.
    """
    methods: list[str] = []
    for before, after in pairwise([CameraDiagnostics(), *history]):
        new = {
            method: after.restored[method] - before.restored.get(method, 0)
            for method in after.restored
        }
        names = sorted(method for method, count in new.items() if count > 0)
        methods += [' or '.join(names)] * sum(new.values())
    return methods


def _number(text: str) -> float:
    return math.nan if text == 'n/a' else float(text)
