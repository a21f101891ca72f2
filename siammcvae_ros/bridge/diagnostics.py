# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The statuses on `/diagnostics`: one of the node, one of each camera."""

from collections.abc import Sequence

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
import numpy as np

from siammcvae_ros.bridge.camera_state import CameraState
from siammcvae_ros.frame_path.counters import Snapshot


def node_status(
    node_name: str, lifecycle_state: str, trouble: str, engine: dict[str, str]
) -> DiagnosticStatus:
    """Build the status of the node itself; `trouble` is why its last transition failed, or ''."""
    level = DiagnosticStatus.OK if lifecycle_state == 'active' else DiagnosticStatus.WARN
    return DiagnosticStatus(
        level=DiagnosticStatus.ERROR if trouble else level,
        name=node_name,
        message=f'{lifecycle_state}: {trouble}' if trouble else lifecycle_state,
        hardware_id=node_name,
        values=[KeyValue(key=f'engine.{key}', value=value) for key, value in engine.items()],
    )


def camera_status(
    node_name: str, state: CameraState, now: Snapshot, incompatible_qos: str = ''
) -> DiagnosticStatus:
    """Put a camera's state and numbers into a DiagnosticStatus; unknown numbers read `n/a`.

    Times are percentiles over the newest frames, in all and by stage of `frame_path.latency`.
    """
    counters, masks, detector = now.counters, now.masks, now.detector
    values: dict[str, object] = {
        'state': state.name,
        'received': counters.received,
        'restored': counters.restored.total(),
        'passed': counters.passed.total(),
        'dropped': counters.dropped.total(),
        'in_flight': counters.in_flight,
        **{f'restored.{method}': n for method, n in sorted(counters.restored.items())},
        **{f'passed.{reason}': n for reason, n in sorted(counters.passed.items())},
        **{f'dropped.{reason}': n for reason, n in sorted(counters.dropped.items())},
        'concealed': counters.concealed,
        'incomplete': counters.incomplete,
        'masks.expected': now.masks_expected,
        'masks.received': masks.received,
        'masks.matched': masks.matched,
        'masks.late': masks.late,
        'masks.duplicate': masks.duplicate,
        'masks.unused': masks.unused,
        'masks.unused_damaged': masks.unused_damaged,
        'detector': detector.mode,
        'detector.rests': detector.paused,
        'detector.flagged': detector.flagged,
        'detector.failed': detector.failed,
        'detector.found': ', '.join(detector.classes),
        'detector.error': detector.error,
        **_times('detector.ms', detector.seconds),
        'time_jumps': now.stamp_faults['jumped_back'],
        'stamps.unset': now.stamp_faults['unset'],
        'stamps.repeated': now.stamp_faults['repeated'],
        'damage_share': f'{now.damage_share:.3f}',
        'rung': now.method or 'n/a',
        'rung_reason': now.method_reason,
        'reference_age_ms': _milliseconds(now.reference_age),
        **_times('passed_ms', now.passed_seconds),
        **_times('restored_ms', now.restored_seconds),
        **{
            key: value
            for stage, seconds in now.stage_times.items()
            for key, value in _times(f'stage.{stage.value}_ms', seconds).items()
        },
        'incompatible_qos': incompatible_qos,
        'last_error': now.last_error,
    }
    return DiagnosticStatus(
        level=state.level,
        name=f'{node_name}: {now.name}',
        message=f'{state.name}: {state.text}',
        hardware_id=now.name,
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )


def _milliseconds(seconds: float | None) -> str:
    return 'n/a' if seconds is None else f'{seconds * 1e3:.2f}'


def _times(name: str, seconds: Sequence[float]) -> dict[str, str]:
    p50, p99 = np.percentile(seconds, (50, 99)).tolist() if seconds else (None, None)
    return {f'{name}_p50': _milliseconds(p50), f'{name}_p99': _milliseconds(p99)}
