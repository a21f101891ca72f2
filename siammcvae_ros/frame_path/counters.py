# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Counters of a camera: each frame received is restored, passed through or dropped, by reason."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from siammcvae_ros.frame_path.latency import Stage
from siammcvae_ros.frame_path.mask_matching import MaskCounts


@dataclass
class FrameCounters:
    """How the frames left: `received = restored + passed + dropped + in_flight`.

    `restored` counts by method of the fallback chain, `passed` and `dropped` by reason; `concealed`
    frames were never received. `incomplete` ones were restored, but had lost more: a mask that came
    late says so.
    """

    received: int = 0
    restored: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    concealed: int = 0
    incomplete: int = 0

    @property
    def in_flight(self) -> int:
        """Frames received that have not left yet."""
        left = sum(c.total() for c in (self.restored, self.passed, self.dropped))
        return self.received - left

    def copy(self) -> 'FrameCounters':
        """Copy that later frames do not change."""
        return FrameCounters(
            self.received, self.restored.copy(), self.passed.copy(), self.dropped.copy(),
            self.concealed, self.incomplete,
        )  # fmt: skip


@dataclass(frozen=True)
class DetectorStatus:
    """State of the fault detector: how many frames it `flagged`, and how many it `failed` on.

    `classes` names the faults in the newest frame flagged, `error` is the newest failure, `seconds`
    are the times of the newest frames; `paused` is True while frames are not inspected.
    """

    mode: str = 'off'
    flagged: int = 0
    failed: int = 0
    classes: tuple[str, ...] = ()
    error: str = ''
    seconds: tuple[float, ...] = ()
    paused: bool = False


@dataclass(frozen=True)
class Snapshot:
    """A camera as diagnostics see it.

    Seconds are on the monotonic clock; `stamp_faults` counts the stamps that did not advance, by
    `StampFault`; `last_stamp` in nanoseconds, `damage_share` in 0..1 of the
    last damaged frame, `method` the one that served it and `method_reason` why none above it did;
    None and '' before the first frame. `errors` has the newest error text by reason.
    """

    name: str
    counters: FrameCounters
    masks: MaskCounts
    masks_expected: bool
    stamp_faults: Counter[str]
    since_last_frame: float | None
    last_stamp: int | None
    reference_age: float | None
    damage_share: float
    last_error: str
    passed_seconds: tuple[float, ...]
    restored_seconds: tuple[float, ...]
    detector: DetectorStatus = DetectorStatus()
    stage_times: Mapping[Stage, tuple[float, ...]] = field(default_factory=dict)
    method: str = ''
    method_reason: str = ''
    errors: Mapping[str, str] = field(default_factory=dict)
