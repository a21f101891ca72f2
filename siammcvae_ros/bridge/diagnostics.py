# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The state of a camera for `/diagnostics`: one name, the most specific cause first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
import numpy as np

from siammcvae_ros.frame_path.counters import Snapshot

REJECTED = ('unsupported_encoding', 'malformed_image', 'empty_image')
HARMLESS = ('intact', 'concealed')


@dataclass(frozen=True)
class SubscriptionStatus:
    """State of a camera's image subscription, from the ROS graph.

    `incompatible_qos` is the policy that differs at a publisher of images, or ''; `others`
    has those of its other topics, by topic; `masks` names the topics of masks.
    """

    topic: str
    publishers: int
    incompatible_qos: str
    others: Mapping[str, str] = field(default_factory=dict)
    masks: Sequence[str] = ()

    @property
    def incompatible(self) -> str:
        """List all topics with an incompatible QoS at the other end, each with the policy."""
        image = {self.topic: self.incompatible_qos} if self.incompatible_qos else {}
        return ', '.join(f'{topic}: {policy}' for topic, policy in {**image, **self.others}.items())


@dataclass(frozen=True)
class CameraState:
    """A named state, its DiagnosticStatus level and one line for people."""

    level: bytes
    name: str
    text: str


def camera_state(
    now: Snapshot, before: Snapshot, subscription: SubscriptionStatus, stale_after: float
) -> CameraState:
    """Name the state of a camera by what happened between two snapshots and its subscription.

    `stale_after` is in seconds without a frame.
    """
    restored = now.counters.restored - before.counters.restored
    passed = now.counters.passed - before.counters.passed
    dropped = now.counters.dropped - before.counters.dropped
    failed = Counter({k: n for k, n in (passed + dropped).items() if k not in HARMLESS})
    received = now.counters.received - before.counters.received
    rejected = Counter({k: n for k, n in failed.items() if k in REJECTED})
    if rejected:
        return CameraState(
            DiagnosticStatus.ERROR, 'rejected', _explained(_list(rejected), rejected, now)
        )
    if now.since_last_frame is None:
        if subscription.incompatible_qos:
            return _incompatible(subscription.topic, subscription.incompatible_qos)
        seen = (
            f'{subscription.publishers} publisher(s), no frame'
            if subscription.publishers
            else 'no publisher'
        )
        return CameraState(DiagnosticStatus.WARN, 'waiting', f'{subscription.topic}: {seen}')
    if now.since_last_frame > stale_after:
        return CameraState(
            DiagnosticStatus.ERROR,
            'stale',
            f'{subscription.topic}: no frame for {now.since_last_frame:.1f} s, '
            f'{subscription.publishers} publisher(s)',
        )
    incompatible = [
        topic
        for topic in subscription.masks
        if topic in subscription.others and not now.masks.received
    ]
    if incompatible:
        return _incompatible(incompatible[0], subscription.others[incompatible[0]])
    if faults := now.stamp_faults - before.stamp_faults:
        text = f'{_list(faults)} of {received} stamps; ages are counted from arrival'
        return CameraState(DiagnosticStatus.WARN, 'bad_stamps', text)
    if failed:
        text = _explained(f'{_list(failed)} not restored', failed, now)
        return CameraState(DiagnosticStatus.WARN, 'degraded', text)
    if uninspected := now.detector.failed - before.detector.failed:
        text = f'the detector failed on {uninspected} frames; {now.detector.error}'
        return CameraState(DiagnosticStatus.WARN, 'degraded', text)
    if unmatched := now.masks.unused_damaged - before.masks.unused_damaged:
        text = (
            f'{unmatched} masks say that frames are damaged which did not come: '
            "masks need their frames' stamps (mask_slop)"
        )
        return CameraState(DiagnosticStatus.WARN, 'unmatched_masks', text)
    if concealed := now.counters.concealed - before.counters.concealed:
        text = f'{concealed} missing frames concealed'
        return CameraState(DiagnosticStatus.WARN, 'concealing', text)
    if restored:
        return CameraState(DiagnosticStatus.WARN, 'restoring', f'{_list(restored)} frames restored')
    return CameraState(DiagnosticStatus.OK, 'ok', f'{passed.total()} frames passed on')


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


def _incompatible(topic: str, policy: str) -> CameraState:
    return CameraState(
        DiagnosticStatus.ERROR,
        'incompatible_qos',
        f'{topic}: publisher offers another {policy}; '
        f'set qos_overrides.{topic}.subscription to match it',
    )


def _explained(text: str, failed: Counter[str], now: Snapshot) -> str:
    """Add the newest error of the most frequent reason."""
    error = now.errors.get(failed.most_common(1)[0][0], '')
    return f'{text}; {error}' if error else text


def _list(counts: Counter[str]) -> str:
    return ', '.join(f'{n} {reason}' for reason, n in counts.most_common())


def _milliseconds(seconds: float | None) -> str:
    return 'n/a' if seconds is None else f'{seconds * 1e3:.2f}'


def _times(name: str, seconds: Sequence[float]) -> dict[str, str]:
    p50, p99 = np.percentile(seconds, (50, 99)).tolist() if seconds else (None, None)
    return {f'{name}_p50': _milliseconds(p50), f'{name}_p99': _milliseconds(p99)}
