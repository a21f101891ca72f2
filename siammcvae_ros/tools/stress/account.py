# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What must hold whatever is thrown, of frames that come out and of diagnostics."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
import threading
from typing import Any, cast

import numpy as np
from sensor_msgs.msg import Image

from siammcvae_ros.bridge.images import image_view, stamp_ns
from siammcvae_ros.tools.stress.shots import Fate, GARBLED
from siammcvae_ros.tools.stress.steps import Send

OUTPUTS = ('restored/image_raw', 'restored/mask', 'restored/uncertainty')
PARTS_KEPT = 2000  # frames of which not everything has come out yet
EXAMPLES = 5  # of every kind of violation


class Violations:
    """What did not hold: how often, by kind, and the first examples of each; thread-safe."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def add(self, kind: str, example: str) -> None:
        """Take note of one."""
        with self._lock:
            self.counts[kind] += 1
            if self.counts[kind] <= EXAMPLES:
                self.examples.setdefault(kind, []).append(example)


@dataclass
class Totals:
    """Sums over diagnostics, across the node's restarts of its cameras."""

    received: int = 0
    restored: int = 0
    passed: int = 0
    dropped: int = 0
    in_flight: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


class Account:
    """The books of one camera: what was sent, what came back, and what diagnostics say of it."""

    def __init__(self, camera: str, violations: Violations) -> None:
        self.camera = camera
        self.sent = 0
        self.heard = 0
        self.checked = 0
        """Frames compared with what was sent, pixel by pixel."""
        self._violations = violations
        self._frames: dict[int, Send] = {}
        self._parts: dict[int, dict[str, Image]] = {}
        self._last = 0
        self._settled = Totals()
        self._now = Totals()

    def send(self, send: Send) -> None:
        """Write down a frame before it is sent."""
        self.sent += 1
        self._frames[send.number] = send

    def hear(self, topic: str, message: Image) -> None:
        """Check what came out on one of `OUTPUTS`; the pixels once all three are there."""
        if message.header.frame_id == GARBLED:
            self.heard += topic == OUTPUTS[0]
            return
        number = _number(message.header.frame_id)
        sent = self._frames.get(number)
        if sent is None:
            self._wrong('never sent', number, f'frame id {message.header.frame_id[:40]!r}')
            return
        if (stamp_ns(message.header), message.header.frame_id) != (sent.stamp, sent.frame_id):
            self._wrong('header changed', number, f'{topic} has {message.header}')
        if topic == OUTPUTS[0]:
            self.heard += 1
            if number <= self._last:
                self._wrong('twice or out of order', number, f'after number {self._last}')
            self._last = number
            if sent.shot.fate is Fate.BROKEN:
                self._wrong('broken frame came out', number, '')
        parts = self._parts.setdefault(number, {})
        parts[topic] = message
        if len(parts) == len(OUTPUTS):
            del self._parts[number]
            self._check(sent, *(parts[topic] for topic in OUTPUTS))
        elif len(self._parts) > PARTS_KEPT:
            del self._parts[next(iter(self._parts))]

    def diagnose(self, values: Mapping[str, str]) -> None:
        """Check the camera's numbers in a message on /diagnostics."""
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
            self._wrong('account does not balance', self._last, str(now))
        if now.in_flight < 0:
            self._wrong('frames settled twice', self._last, str(now))
        for name in parts:
            listed = sum(n for k, n in now.reasons.items() if k.startswith(f'{name}.'))
            if listed != getattr(now, name):
                self._wrong('reasons do not add up', self._last, f'{name}: {now}')
        self._now = now
        if self.totals.received > self.sent:
            self._wrong('more received than sent', self._last, f'{now}, sent {self.sent}')

    def restart(self) -> None:
        """Close the books of a camera that the node has given up: another begins from nothing."""
        self._settled, self._now = self.totals, Totals()

    @property
    def totals(self) -> Totals:
        """Everything diagnostics ever said, summed."""
        a, b = self._settled, self._now
        return Totals(
            a.received + b.received,
            a.restored + b.restored,
            a.passed + b.passed,
            a.dropped + b.dropped,
            a.in_flight + b.in_flight,
            a.reasons + b.reasons,
        )

    def close(self) -> dict[str, Any]:
        """Check the whole once the node has come to rest; give it as a row."""
        totals = self.totals
        if totals.in_flight:
            self._wrong('frames still in flight', self._last, str(totals))
        published = totals.restored + totals.passed
        if self.heard > published:
            counted = f'{self.heard} came out, {published} are counted as restored or passed on'
            self._wrong('came out uncounted', self._last, counted)
        row = {name: value for name, value in vars(totals).items() if name != 'reasons'}
        outcome = {'sent': self.sent, **row, 'heard': self.heard, 'checked': self.checked}
        return {**outcome, 'reasons': dict(sorted(totals.reasons.items()))}

    def _check(self, sent: Send, image: Image, mask: Image, uncertainty: Image) -> None:
        self.checked += 1
        number, before = sent.number, cast('Image', sent.shot.message)
        made_up = _plane(mask, np.uint8) != 0
        error = _plane(uncertainty, np.float32)
        if made_up.shape != (before.height, before.width) or made_up.shape != error.shape:
            self._wrong('size of mask or uncertainty', number, f'{made_up.shape}, {error.shape}')
        elif not np.isfinite(error).all() or error.min() < 0:
            self._wrong('uncertainty', number, f'from {error.min()} to {error.max()}')
        elif not made_up.any():
            if _content(image) != _content(before):
                self._wrong('passed frame changed', number, '')
        elif error[~made_up].any():
            self._wrong('uncertainty', number, f'{error[~made_up].max()} where intact')
        elif sent.shot.fate is not Fate.READABLE or image.encoding != before.encoding:
            self._wrong('foreign frame restored', number, f'as {image.encoding}')
        elif not np.array_equal(image_view(image)[~made_up], image_view(before)[~made_up]):
            self._wrong('kept pixels changed', number, '')

    def _wrong(self, kind: str, number: int, detail: str) -> None:
        sent = self._frames.get(number)
        what = f' ({sent.shot.name}, stamp {sent.stamp})' if sent else ''
        self._violations.add(kind, f'{self.camera}, message {number}{what}: {detail}')


_PREFIXES = ('restored.', 'passed.', 'dropped.')


def _number(frame_id: str) -> int:
    digits = frame_id.split(' ')[0].split('/')[0]
    return int(digits) if digits.isdecimal() else -1


def _plane(message: Image, kind: type) -> np.ndarray:
    return np.frombuffer(message.data, kind).reshape(message.height, message.width)


def _content(message: Image) -> tuple[Any, ...]:
    fields = (message.height, message.width, message.encoding, message.step, message.is_bigendian)
    return (*fields, bytes(message.data))
