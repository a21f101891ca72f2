# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The seeded course of a storm: which message or call comes next. The same seed, the same storm."""

from collections.abc import Callable, Iterator
import random

from sensor_msgs.msg import CameraInfo, Image

from siammcvae_ros.frame_path.encodings import ENCODINGS
from siammcvae_ros.tools.stress import shots
from siammcvae_ros.tools.stress.shots import Shot
from siammcvae_ros.tools.stress.steps import (
    ACTIVATE,
    CAMERAS,
    Change,
    CHANGES,
    CLEANUP,
    CONFIGURE,
    DEACTIVATE,
    NONSENSE,
    ODD_NAMES,
    Send,
    Settle,
    Step,
    text,
    Transition,
    USUAL,
)

PERIOD = 33_000_000  # ns
BEGINNING = 1_700_000_000_000_000_000  # ns
CALM_SPELLS = 20  # of a calm storm, before the node's memory is measured again
LAST_STAMP = (2**31 - 1) * 10**9  # ns; seconds of a stamp are 32 bits with a sign
IDS = ('', ' ', '/optical', ' ☃', ' ' + 'x' * 300)  # what may follow the number in a frame id
MASK_MODES = (*['per_frame'] * 6, 'latched', 'off')
UNKNOWN = (0, 8, 9, 10, 20, 60, 99, 200, 255)
LABELS = ('nosuch', 'x' * 2000, '☃', 'on_success', 'transition_error')


class Weather:
    """Yields the steps of a storm of `messages` messages; a round has a spell of every kind.

    A `calm` one has what good drivers and good fault monitors send, and nothing else.
    """

    def __init__(self, seed: int, messages: int, weights: str = 'none', calm: bool = False) -> None:
        self._rng = random.Random(seed)
        self._messages = messages
        self._weights = weights
        self._number = 0
        self._stamps = dict.fromkeys(CAMERAS, BEGINNING)
        self._camera = CAMERAS[0]
        frames = (self._calm, self._flood, self._sizes, self._stamps_astray)
        masks = (self._masks_astray, self._mask_storm)
        others = (self._hostile_frames, self._garbled, self._infos)
        calls = (self._lifecycle, self._parameters)
        self._spells: tuple[Callable[[], Iterator[Step]], ...] = (
            (self._calm,) * CALM_SPELLS if calm else (*frames, *masks, *others, *calls)
        )

    def __iter__(self) -> Iterator[Step]:
        left = self._messages
        for step in self._endless():
            yield step
            left -= isinstance(step, Send)
            if not left:
                return

    def _endless(self) -> Iterator[Step]:
        for self._camera in CAMERAS:  # so that memory is soon what it will be
            yield from self._flood(shots.LARGEST)
        while True:
            for spell in self._rng.sample(self._spells, len(self._spells)):
                self._camera = self._rng.choice(CAMERAS)
                yield from spell()
            yield Settle()

    def _send(self, topic: str, shot: Shot, stamp: int | None = None, paced: bool = True) -> Send:
        self._number += 1
        stamp = self._stamps[self._camera] if stamp is None else stamp
        stamp = max(-LAST_STAMP, min(stamp, LAST_STAMP))
        frame_id = f'{self._number}{self._rng.choice(IDS)}'
        return Send(self._camera, topic, shot, stamp, self._number, frame_id, paced)

    def _valid(self, size: tuple[int, int] = shots.USUAL, paced: bool = True) -> Iterator[Step]:
        """Send a frame as a good driver and a good fault monitor do."""
        rng = self._rng
        self._stamps[self._camera] += PERIOD
        pattern = rng.choice(shots.PATTERNS) if rng.random() < 0.5 else 'none'
        cells = min(size) >= 48 and rng.random() < 0.2
        yield self._send('fault_mask', shots.mask(size, pattern, cells), paced=paced)
        others = size != shots.USUAL and rng.random() < 0.3
        encoding = rng.choice(list(ENCODINGS)) if others else 'bgr8'
        shot = shots.frame(size, encoding, rng.randrange(shots.SCENES))
        yield self._send('image_raw', shot, paced=paced)

    def _count(self, least: int = 10, most: int = 40) -> range:
        return range(self._rng.randint(least, most))

    def _calm(self) -> Iterator[Step]:
        for _ in self._count():
            yield from self._valid()

    def _flood(self, size: tuple[int, int] | None = None) -> Iterator[Step]:
        size = size or self._rng.choice(shots.SIZES)
        for _ in self._count(50, 150):
            self._camera = self._rng.choice(CAMERAS)
            yield from self._valid(size, paced=False)

    def _sizes(self) -> Iterator[Step]:
        for _ in self._count(5, 10):
            size = self._rng.choice(shots.SIZES)
            for _ in self._count(1, 8):
                yield from self._valid(size)
            if self._rng.random() < 0.3:
                yield self._send('image_raw', shots.padded_frame())

    def _stamps_astray(self) -> Iterator[Step]:
        rng = self._rng
        for _ in self._count():
            now = self._stamps[self._camera]
            jumps = (now - rng.randrange(10**10), now - PERIOD, now, now + 1, now + 10**11)
            self._stamps[self._camera] = rng.choice((*jumps, 0, -LAST_STAMP, LAST_STAMP - PERIOD))
            yield from self._valid()
            if rng.random() < 0.3:
                yield from list(self._valid())[1:]
        self._stamps[self._camera] = BEGINNING + rng.randrange(10**12)

    def _masks_astray(self) -> Iterator[Step]:
        rng = self._rng
        for _ in self._count():
            mask, image = self._valid()
            bad = self._send('fault_mask', rng.choice(shots.hostile_masks()))
            other = self._send('fault_mask', shots.mask(rng.choice(shots.SIZES), 'full', False))
            late_or_twice = ([image], [image, mask], [mask, mask, image], [mask, image, mask])
            unreadable = ([bad, image], [bad, mask, image], [image, bad])
            of_other_size = ([other, image], [mask, image, other])
            yield from rng.choice((*late_or_twice, *unreadable, *of_other_size))

    def _mask_storm(self) -> Iterator[Step]:
        rng = self._rng
        for _ in self._count(50, 200):
            stamp = self._stamps[self._camera] + rng.randint(-20, 20) * PERIOD
            shot = shots.mask(shots.USUAL, rng.choice(shots.PATTERNS), False)
            yield self._send('fault_mask', shot, stamp, paced=False)
            if rng.random() < 0.1:
                yield from self._valid(paced=False)

    def _hostile_frames(self) -> Iterator[Step]:
        for _ in self._count():
            self._stamps[self._camera] += PERIOD
            yield self._send('image_raw', self._rng.choice(shots.hostile_frames()))
            if self._rng.random() < 0.5:
                yield from self._valid()

    def _garbled(self) -> Iterator[Step]:
        for _ in self._count(5, 20):
            topic, kind = self._rng.choice(
                (('image_raw', Image), ('fault_mask', Image), ('camera_info', CameraInfo))
            )
            yield self._send(topic, self._rng.choice(shots.garbled(kind)))
            yield from self._valid()

    def _infos(self) -> Iterator[Step]:
        for _ in self._count():
            focal = self._rng.choice((50.0, 0.0, float('nan'), float('inf')))
            shot = shots.info(self._rng.choice(shots.SIZES), focal)
            now = self._stamps[self._camera]
            yield self._send('camera_info', shot, self._rng.choice((now, now - PERIOD, 0)))
            yield from self._valid()

    def _lifecycle(self) -> Iterator[Step]:
        """Down and up again, with wrong calls and frames in between."""
        yield from self._call(DEACTIVATE)
        if self._rng.random() < 0.5:
            yield Settle()
            yield from self._call(CLEANUP)
            yield Settle()
            if self._rng.random() < 0.5:
                yield Change('weights', text('/no/such/weights.safetensors'))
                yield from self._call(CONFIGURE)
                yield Change('weights', text(self._weights))
            yield Change('mask_mode', text(self._rng.choice(MASK_MODES)))
            yield from self._call(CONFIGURE)
        yield from self._call(ACTIVATE)
        yield Settle()

    def _call(self, wanted: int) -> Iterator[Step]:
        rng = self._rng
        for _ in range(rng.randrange(3)):
            yield Transition(rng.choice(UNKNOWN), rng.choice(('', *LABELS)))
        yield Transition(wanted)
        for _ in range(rng.randrange(10)):
            yield from self._valid(paced=False)

    def _parameters(self) -> Iterator[Step]:
        rng = self._rng
        for _ in self._count(5, 20):
            name = rng.choice(list(CHANGES))
            yield Change(name, rng.choice(CHANGES[name]))
            if rng.random() < 0.5:
                yield Change(rng.choice((name, *ODD_NAMES)), rng.choice(NONSENSE))
            yield from self._valid()
        for name, value in USUAL.items():
            yield Change(name, value)
        yield Settle()
