# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The state of a camera for `/diagnostics`: one name, the most specific cause first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticStatus

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
    return (
        _rejected(now, before)
        or _not_receiving(now, before, subscription, stale_after)
        or _trouble(now, before)
        or _restoring(now, before)
        or CameraState(DiagnosticStatus.OK, 'ok', f'{_passed(now, before)} frames passed on')
    )


def _rejected(now: Snapshot, before: Snapshot) -> CameraState | None:
    rejected = Counter({k: n for k, n in _failed(now, before).items() if k in REJECTED})
    if not rejected:
        return None
    text = _explained(_list(rejected), rejected, now)
    return CameraState(DiagnosticStatus.ERROR, 'rejected', text)


def _not_receiving(
    now: Snapshot, before: Snapshot, subscription: SubscriptionStatus, stale_after: float
) -> CameraState | None:
    """Frames or masks that do not come."""
    topic, publishers = subscription.topic, f'{subscription.publishers} publisher(s)'
    if now.since_last_frame is None:
        if subscription.incompatible_qos:
            return _incompatible(topic, subscription.incompatible_qos)
        cause = f'{publishers}, no frame' if subscription.publishers else 'no publisher'
        return CameraState(DiagnosticStatus.WARN, 'waiting', f'{topic}: {cause}')
    if now.since_last_frame > stale_after:
        text = f'{topic}: no frame for {now.since_last_frame:.1f} s, {publishers}'
        return CameraState(DiagnosticStatus.ERROR, 'stale', text)
    if now.masks.received == before.masks.received:
        for masks in subscription.masks:
            if masks in subscription.others:
                return _incompatible(masks, subscription.others[masks])
    return None


def _trouble(now: Snapshot, before: Snapshot) -> CameraState | None:
    """Every counter of failures that has risen; damaged frames may have gone out."""
    if faults := now.stamp_faults - before.stamp_faults:
        received = now.counters.received - before.counters.received
        text = f'{_list(faults)} of {received} stamps; ages are counted from arrival'
        if failed := _failed(now, before):
            text = _explained(f'{text}; {_list(failed)} not restored', failed, now)
        return CameraState(DiagnosticStatus.WARN, 'bad_stamps', text)
    if failed := _failed(now, before):
        text = _explained(f'{_list(failed)} not restored', failed, now)
        return CameraState(DiagnosticStatus.WARN, 'degraded', text)
    if incomplete := now.counters.incomplete - before.counters.incomplete:
        text = f'{incomplete} frames had lost more than was restored: masks came late'
        return CameraState(DiagnosticStatus.WARN, 'degraded', text)
    if uninspected := now.detector.failed - before.detector.failed:
        text = f'the detector failed on {uninspected} frames; {now.detector.error}'
        return CameraState(DiagnosticStatus.WARN, 'degraded', text)
    if unmatched := now.masks.unused_damaged - before.masks.unused_damaged:
        text = f'{unmatched} masks of damaged frames matched no frame: their stamps differ'
        return CameraState(DiagnosticStatus.WARN, 'unmatched_masks', text)
    return None


def _restoring(now: Snapshot, before: Snapshot) -> CameraState | None:
    if concealed := now.counters.concealed - before.counters.concealed:
        text = f'{concealed} missing frames concealed'
        return CameraState(DiagnosticStatus.WARN, 'concealing', text)
    if restored := now.counters.restored - before.counters.restored:
        return CameraState(DiagnosticStatus.WARN, 'restoring', f'{_list(restored)} frames restored')
    return None


def _failed(now: Snapshot, before: Snapshot) -> Counter[str]:
    """Count the damaged frames passed on or dropped since, by reason."""
    passed = now.counters.passed - before.counters.passed
    dropped = now.counters.dropped - before.counters.dropped
    return Counter({k: n for k, n in (passed + dropped).items() if k not in HARMLESS})


def _passed(now: Snapshot, before: Snapshot) -> int:
    return (now.counters.passed - before.counters.passed).total()


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
