# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of the stress test: on every published frame and every diagnostics message."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
import threading
from typing import Any, cast

import numpy as np
from sensor_msgs.msg import Image

from siammcvae_core.data.encodings import image_view
from siammcvae_ros.bridge.images import stamp_ns
from siammcvae_ros.tools.stress.actions import SendMessage
from siammcvae_ros.tools.stress.messages import Expectation, GARBLED

OUTPUTS = ('restored/image_raw', 'restored/mask', 'restored/uncertainty')
INCOMPLETE_FRAMES = 2000  # at most; frames of which an output has not arrived yet
EXAMPLES = 5  # of every kind of violation


class Violations:
    """Counts failed checks by kind, with the first examples of each; thread-safe."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def add(self, kind: str, example: str) -> None:
        """Count one."""
        with self._lock:
            self.counts[kind] += 1
            if self.counts[kind] <= EXAMPLES:
                self.examples.setdefault(kind, []).append(example)


@dataclass
class Totals:
    """Frame counts from diagnostics; `reasons` by key, such as `passed.intact`."""

    received: int = 0
    restored: int = 0
    passed: int = 0
    dropped: int = 0
    in_flight: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


class CameraChecker:
    """Compares what one camera sent with what the node publishes and with its diagnostics."""

    def __init__(self, camera: str, violations: Violations) -> None:
        self.camera = camera
        self.sent = 0
        self.published = 0
        self.checked = 0
        """Frames compared with what was sent, pixel by pixel."""
        self._violations = violations
        self._frames: dict[int, SendMessage] = {}
        self._parts: dict[int, dict[str, Image]] = {}
        self._last_number = 0
        self._before_restart = Totals()
        self._now = Totals()
        self._troubles: Counter[str] | None = None

    def expect(self, frame: SendMessage) -> None:
        """Remember a frame; to be called before it is sent."""
        self.sent += 1
        self._frames[frame.number] = frame

    def check_output(self, topic: str, message: Image) -> None:
        """Check a message on one of `OUTPUTS`; pixels once all three have arrived."""
        if message.header.frame_id == GARBLED:
            self.published += topic == OUTPUTS[0]
            return
        number = _number(message.header.frame_id)
        sent = self._frames.get(number)
        if sent is None:
            self._fail('never sent', number, f'frame id {message.header.frame_id[:40]!r}')
            return
        if (stamp_ns(message.header), message.header.frame_id) != (sent.stamp, sent.frame_id):
            self._fail('header changed', number, f'{topic} has {message.header}')
        if topic == OUTPUTS[0]:
            self.published += 1
            if number <= self._last_number:
                self._fail('twice or out of order', number, f'after number {self._last_number}')
            self._last_number = number
            if sent.template.expectation is Expectation.REJECT:
                self._fail('broken frame came out', number, '')
        parts = self._parts.setdefault(number, {})
        parts[topic] = message
        if len(parts) == len(OUTPUTS):
            del self._parts[number]
            self._check(sent, *(parts[topic] for topic in OUTPUTS))
        elif len(self._parts) > INCOMPLETE_FRAMES:
            del self._parts[next(iter(self._parts))]

    def check_diagnostics(self, values: Mapping[str, str]) -> None:
        """Check the counters of this camera in a message on /diagnostics."""
        parts = ('restored', 'passed', 'dropped')
        now = Totals(
            int(values['received']),
            int(values['restored']),
            int(values['passed']),
            int(values['dropped']),
            int(values['in_flight']),
            Counter({k: int(n) for k, n in values.items() if k.startswith(_PREFIXES)}),
        )
        if now.received != now.restored + now.passed + now.dropped + now.in_flight:
            self._fail('account does not balance', self._last_number, str(now))
        self._check_state(values)
        self._check_monotonic(now)
        if now.in_flight < 0:
            self._fail('frames settled twice', self._last_number, str(now))
        for name in parts:
            listed = sum(n for k, n in now.reasons.items() if k.startswith(f'{name}.'))
            if listed != getattr(now, name):
                self._fail('reasons do not add up', self._last_number, f'{name}: {now}')
        self._now = now
        if self.totals.received > self.sent:
            self._fail('more received than sent', self._last_number, f'{now}, sent {self.sent}')

    def _check_state(self, values: Mapping[str, str]) -> None:
        """Check that a counter of failures never rises while the state is `ok`."""
        troubles = Counter({key: int(n) for key, n in values.items() if _tells_of_trouble(key)})
        risen = {} if self._troubles is None else troubles - self._troubles
        if risen and values['state'] == 'ok':
            self._fail('trouble in state ok', self._last_number, str(dict(risen)))
        self._troubles = troubles

    def _check_monotonic(self, now: Totals) -> None:
        """Check that no count falls, but for intact frames that turned out to be damaged."""
        fallen = self._now.reasons - now.reasons
        late = now.reasons[LATE] - self._now.reasons[LATE]
        if fallen[INTACT] <= late:
            del fallen[INTACT]
        if fallen:
            self._fail('a count fell', self._last_number, f'{dict(fallen)}, {late} late masks')

    def restart(self) -> None:
        """Add up the counters of a camera that the node has cleaned up: they start again at 0."""
        self._troubles = None
        self._before_restart, self._now = self.totals, Totals()

    @property
    def totals(self) -> Totals:
        """Counters of the camera, summed over restarts."""
        a, b = self._before_restart, self._now
        return Totals(
            a.received + b.received,
            a.restored + b.restored,
            a.passed + b.passed,
            a.dropped + b.dropped,
            a.in_flight + b.in_flight,
            a.reasons + b.reasons,
        )

    def close(self) -> dict[str, Any]:
        """Check the final counters, when the node is idle; return them as a row of the report."""
        totals = self.totals
        if totals.in_flight:
            self._fail('frames still in flight', self._last_number, str(totals))
        counted = totals.restored + totals.passed
        if self.published > counted:
            detail = f'{self.published} came out, {counted} are counted as restored or passed on'
            self._fail('came out uncounted', self._last_number, detail)
        row = {name: value for name, value in vars(totals).items() if name != 'reasons'}
        outcome = {'sent': self.sent, **row, 'heard': self.published, 'checked': self.checked}
        return {**outcome, 'reasons': dict(sorted(totals.reasons.items()))}

    def _check(self, sent: SendMessage, image: Image, mask: Image, uncertainty: Image) -> None:
        self.checked += 1
        number, before = sent.number, cast('Image', sent.template.message)
        restored = _pixels(mask, np.uint8) != 0
        error = _pixels(uncertainty, np.float32)
        if restored.shape != (before.height, before.width) or restored.shape != error.shape:
            sizes = ', '.join(f'{plane.shape[1]}x{plane.shape[0]}' for plane in (restored, error))
            self._fail('size of mask or uncertainty', number, sizes)
        elif not np.isfinite(error).all() or error.min() < 0:
            self._fail('uncertainty', number, f'from {error.min()} to {error.max()}')
        elif not restored.any():
            if _content(image) != _content(before):
                self._fail('passed frame changed', number, '')
        elif error[~restored].any():
            self._fail('uncertainty', number, f'{error[~restored].max()} where intact')
        elif (
            sent.template.expectation is not Expectation.RESTORE_OR_PASS
            or image.encoding != before.encoding
        ):
            self._fail('foreign frame restored', number, f'as {image.encoding}')
        elif not np.array_equal(image_view(image)[~restored], image_view(before)[~restored]):
            self._fail('intact pixels changed', number, '')

    def _fail(self, kind: str, number: int, detail: str) -> None:
        sent = self._frames.get(number)
        what = f' ({sent.template.name}, stamp {sent.stamp})' if sent else ''
        self._violations.add(kind, f'{self.camera}, message {number}{what}: {detail}')


INTACT, LATE = 'passed.intact', 'passed.late_mask'
TROUBLES = (
    'incomplete', 'masks.unused_damaged', 'stamps.unset', 'stamps.repeated', 'time_jumps',
    'detector.failed',
)  # fmt: skip
HARMLESS = (INTACT, 'dropped.concealed')


def _tells_of_trouble(key: str) -> bool:
    failed = key.startswith(('passed.', 'dropped.')) and key not in HARMLESS
    return failed or key in TROUBLES


_PREFIXES = ('restored.', 'passed.', 'dropped.')


def _number(frame_id: str) -> int:
    digits = frame_id.split(' ')[0].split('/')[0]
    return int(digits) if digits.isdecimal() else -1


def _pixels(message: Image, kind: type) -> np.ndarray:
    return np.frombuffer(message.data, kind).reshape(message.height, message.width)


def _content(message: Image) -> tuple[Any, ...]:
    fields = (message.height, message.width, message.encoding, message.step, message.is_bigendian)
    return (*fields, bytes(message.data))
