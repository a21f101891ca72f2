# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The order of the stress test: which message or call comes next, drawn from a seed."""

from collections.abc import Callable, Iterator
import random

from sensor_msgs.msg import CameraInfo, Image

from siammcvae_core.data.encodings import ENCODINGS
from siammcvae_ros.tools.stress import messages
from siammcvae_ros.tools.stress.actions import (
    Action,
    ACTIVATE,
    CAMERAS,
    CLEANUP,
    CONFIGURE,
    DEACTIVATE,
    INVALID_VALUES,
    LifecycleCall,
    READ_ONLY_OR_UNKNOWN,
    SendMessage,
    SetParameter,
    string_value,
    USUAL_PARAMETERS,
    VALID_VALUES,
    WaitForIdle,
)
from siammcvae_ros.tools.stress.messages import MessageTemplate

PERIOD = 33_000_000  # ns
BEGINNING = 1_700_000_000_000_000_000  # ns
VALID_PHASES = 20  # of a soak test, between two measurements of the node's memory
LAST_STAMP = (2**31 - 1) * 10**9  # ns; seconds of a stamp are 32 bits with a sign
ID_SUFFIXES = ('', ' ', '/optical', ' ☃', ' ' + 'x' * 300)  # after the number in a frame id
MASK_MODES = (*['per_frame'] * 6, 'latched', 'off')
UNKNOWN_TRANSITIONS = (0, 8, 9, 10, 20, 60, 99, 200, 255)
UNKNOWN_LABELS = ('nosuch', 'x' * 2000, '☃', 'on_success', 'transition_error')


class StressSchedule:
    """Yields the actions of a test of `count` messages, the same for the same seed.

    A round has a phase of every kind, in random order, and ends idle. If `calm`, all messages are
    valid frames and masks, and there are no calls.
    """

    def __init__(self, seed: int, count: int, weights: str = 'none', calm: bool = False) -> None:
        self._rng = random.Random(seed)
        self._count = count
        self._weights = weights
        self._number = 0
        self._stamps = dict.fromkeys(CAMERAS, BEGINNING)
        self._camera = CAMERAS[0]
        frames = (self._valid_frames, self._flood, self._sizes)
        stamps = (self._odd_stamps, self._standing_stamps)
        masks = (self._misplaced_masks, self._late_masks, self._mask_flood)
        others = (self._invalid_frames, self._garbled, self._camera_infos)
        calls = (self._lifecycle, self._parameters)
        self._phases: tuple[Callable[[], Iterator[Action]], ...] = (
            (self._valid_frames,) * VALID_PHASES
            if calm
            else (*frames, *stamps, *masks, *others, *calls)
        )

    def __iter__(self) -> Iterator[Action]:
        left = self._count
        for action in self._endless():
            yield action
            left -= isinstance(action, SendMessage)
            if not left:
                return

    def _endless(self) -> Iterator[Action]:
        for self._camera in CAMERAS:  # fills every queue before memory is measured
            yield from self._flood(messages.LARGEST)
        while True:
            for phase in self._rng.sample(self._phases, len(self._phases)):
                self._camera = self._rng.choice(CAMERAS)
                yield from phase()
            yield WaitForIdle()

    def _send(
        self, topic: str, template: MessageTemplate, stamp: int | None = None, paced: bool = True
    ) -> SendMessage:
        self._number += 1
        stamp = self._stamps[self._camera] if stamp is None else stamp
        stamp = max(-LAST_STAMP, min(stamp, LAST_STAMP))
        frame_id = f'{self._number}{self._rng.choice(ID_SUFFIXES)}'
        return SendMessage(self._camera, topic, template, stamp, self._number, frame_id, paced)

    def _valid_pair(
        self, size: tuple[int, int] = messages.USUAL_SIZE, paced: bool = True
    ) -> Iterator[Action]:
        """Send a mask and then its frame, both valid."""
        rng = self._rng
        self._stamps[self._camera] += PERIOD
        pattern = rng.choice(messages.PATTERNS) if rng.random() < 0.5 else 'none'
        cells = min(size) >= 48 and rng.random() < 0.2
        yield self._send('fault_mask', messages.mask(size, pattern, cells), paced=paced)
        others = size != messages.USUAL_SIZE and rng.random() < 0.3
        encoding = rng.choice(list(ENCODINGS)) if others else 'bgr8'
        template = messages.frame(size, encoding, rng.randrange(messages.SCENES))
        yield self._send('image_raw', template, paced=paced)

    def _repeat(self, least: int = 10, most: int = 40) -> range:
        return range(self._rng.randint(least, most))

    def _valid_frames(self) -> Iterator[Action]:
        for _ in self._repeat():
            yield from self._valid_pair()

    def _flood(self, size: tuple[int, int] | None = None) -> Iterator[Action]:
        size = size or self._rng.choice(messages.SIZES)
        for _ in self._repeat(50, 150):
            self._camera = self._rng.choice(CAMERAS)
            yield from self._valid_pair(size, paced=False)

    def _sizes(self) -> Iterator[Action]:
        for _ in self._repeat(5, 10):
            size = self._rng.choice(messages.SIZES)
            for _ in self._repeat(1, 8):
                yield from self._valid_pair(size)
            if self._rng.random() < 0.3:
                yield self._send('image_raw', messages.padded_frame())

    def _odd_stamps(self) -> Iterator[Action]:
        rng = self._rng
        for _ in self._repeat():
            now = self._stamps[self._camera]
            jumps = (now - rng.randrange(10**10), now - PERIOD, now, now + 1, now + 10**11)
            self._stamps[self._camera] = rng.choice((*jumps, 0, -LAST_STAMP, LAST_STAMP - PERIOD))
            yield from self._valid_pair()
            if rng.random() < 0.3:
                yield from list(self._valid_pair())[1:]
        self._stamps[self._camera] = BEGINNING + rng.randrange(10**12)

    def _standing_stamps(self) -> Iterator[Action]:
        """Send frames and masks whose stamps are all unset, or all the same."""
        before = self._stamps[self._camera]
        standing = self._rng.choice((0, before + PERIOD))
        for _ in self._repeat():
            self._stamps[self._camera] = standing - PERIOD
            yield from self._valid_pair()
        self._stamps[self._camera] = max(before, standing)

    def _late_masks(self) -> Iterator[Action]:
        """Send every mask some frames after its frame, as a slow fault monitor does."""
        delay = self._rng.randint(1, 20)
        waiting: list[Action] = []
        for _ in self._repeat():
            mask, image = self._valid_pair()
            waiting.append(mask)
            yield image
            if len(waiting) > delay:
                yield waiting.pop(0)
        yield from waiting

    def _misplaced_masks(self) -> Iterator[Action]:
        rng = self._rng
        for _ in self._repeat():
            mask, image = self._valid_pair()
            bad = self._send('fault_mask', rng.choice(messages.invalid_masks()))
            other = self._send(
                'fault_mask', messages.mask(rng.choice(messages.SIZES), 'full', False)
            )
            late_or_twice = ([image], [image, mask], [mask, mask, image], [mask, image, mask])
            unreadable = ([bad, image], [bad, mask, image], [image, bad])
            of_other_size = ([other, image], [mask, image, other])
            yield from rng.choice((*late_or_twice, *unreadable, *of_other_size))

    def _mask_flood(self) -> Iterator[Action]:
        rng = self._rng
        for _ in self._repeat(50, 200):
            stamp = self._stamps[self._camera] + rng.randint(-20, 20) * PERIOD
            template = messages.mask(messages.USUAL_SIZE, rng.choice(messages.PATTERNS), False)
            yield self._send('fault_mask', template, stamp, paced=False)
            if rng.random() < 0.1:
                yield from self._valid_pair(paced=False)

    def _invalid_frames(self) -> Iterator[Action]:
        for _ in self._repeat():
            self._stamps[self._camera] += PERIOD
            yield self._send('image_raw', self._rng.choice(messages.invalid_frames()))
            if self._rng.random() < 0.5:
                yield from self._valid_pair()

    def _garbled(self) -> Iterator[Action]:
        for _ in self._repeat(5, 20):
            topic, kind = self._rng.choice(
                (('image_raw', Image), ('fault_mask', Image), ('camera_info', CameraInfo))
            )
            yield self._send(topic, self._rng.choice(messages.garbled_messages(kind)))
            yield from self._valid_pair()

    def _camera_infos(self) -> Iterator[Action]:
        for _ in self._repeat():
            focal = self._rng.choice((50.0, 0.0, float('nan'), float('inf')))
            template = messages.info(self._rng.choice(messages.SIZES), focal)
            now = self._stamps[self._camera]
            yield self._send('camera_info', template, self._rng.choice((now, now - PERIOD, 0)))
            yield from self._valid_pair()

    def _lifecycle(self) -> Iterator[Action]:
        """Deactivate and activate, perhaps clean up between, with invalid calls and frames."""
        yield from self._call(DEACTIVATE)
        if self._rng.random() < 0.5:
            yield WaitForIdle()
            yield from self._call(CLEANUP)
            yield WaitForIdle()
            if self._rng.random() < 0.5:
                yield SetParameter('weights', string_value('/no/such/weights.safetensors'))
                yield from self._call(CONFIGURE)
                yield SetParameter('weights', string_value(self._weights))
            yield SetParameter('mask_mode', string_value(self._rng.choice(MASK_MODES)))
            yield from self._call(CONFIGURE)
        yield from self._call(ACTIVATE)
        yield WaitForIdle()

    def _call(self, wanted: int) -> Iterator[Action]:
        rng = self._rng
        for _ in range(rng.randrange(3)):
            yield LifecycleCall(rng.choice(UNKNOWN_TRANSITIONS), rng.choice(('', *UNKNOWN_LABELS)))
        yield LifecycleCall(wanted)
        for _ in range(rng.randrange(10)):
            yield from self._valid_pair(paced=False)

    def _parameters(self) -> Iterator[Action]:
        rng = self._rng
        for _ in self._repeat(5, 20):
            name = rng.choice(list(VALID_VALUES))
            yield SetParameter(name, rng.choice(VALID_VALUES[name]))
            if rng.random() < 0.5:
                yield SetParameter(
                    rng.choice((name, *READ_ONLY_OR_UNKNOWN)), rng.choice(INVALID_VALUES)
                )
            yield from self._valid_pair()
        for name, value in USUAL_PARAMETERS.items():
            yield SetParameter(name, value)
        yield WaitForIdle()
