# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The account of a camera: every frame received is restored, passed on or dropped, under a name."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from siammcvae_ros.frame_path.latency import Stage
from siammcvae_ros.frame_path.mask_matching import MaskCounts


@dataclass
class FrameCounters:
    """What became of the frames: `received = restored + passed + dropped + in_flight`.

    `restored` counts by rung of the ladder, `passed` and `dropped` by reason; `concealed` frames
    were never received.
    """

    received: int = 0
    restored: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    concealed: int = 0

    @property
    def in_flight(self) -> int:
        """Frames received and not yet settled."""
        settled = sum(c.total() for c in (self.restored, self.passed, self.dropped))
        return self.received - settled

    def copy(self) -> 'FrameCounters':
        """Copy that later frames do not change."""
        return FrameCounters(
            self.received, self.restored.copy(), self.passed.copy(), self.dropped.copy(),
            self.concealed,
        )  # fmt: skip


@dataclass(frozen=True)
class Findings:
    """What the fault detector did: how many frames it `flagged`, and how many it `failed` on.

    `found` names the classes in the newest frame flagged, `error` says why the newest failed;
    `seconds` are those of the newest frames; `rests` is True while it need not look.
    """

    mode: str = 'off'
    flagged: int = 0
    failed: int = 0
    found: tuple[str, ...] = ()
    error: str = ''
    seconds: tuple[float, ...] = ()
    rests: bool = False


@dataclass(frozen=True)
class Snapshot:
    """A camera as diagnostics see it.

    Seconds are on the monotonic clock; `last_stamp` in nanoseconds, `damage_share` in 0..1 of the
    last damaged frame, `method` the one that served it and `rung_reason` why none above it did;
    None and '' before the first frame.
    """

    name: str
    counters: FrameCounters
    masks: MaskCounts
    masks_expected: bool
    time_jumps: int
    since_last_frame: float | None
    last_stamp: int | None
    reference_age: float | None
    damage_share: float
    last_error: str
    passed_seconds: tuple[float, ...]
    restored_seconds: tuple[float, ...]
    findings: Findings = Findings()
    stages: Mapping[Stage, tuple[float, ...]] = field(default_factory=dict)
    method: str = ''
    rung_reason: str = ''
