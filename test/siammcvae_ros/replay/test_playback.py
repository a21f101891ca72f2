# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The playback without ROS: schedule, loops, pauses and faults."""

from itertools import pairwise
import threading
import time

import numpy as np
import pytest

from siammcvae_core.errors import SourceError
from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.frames import Frame, full_mask, Source
from siammcvae_ros.replay.playback import Playback, PlaybackFrame, Schedule

SECOND = 10**9
LONG = 20.0


class Noise(Source):
    """Frames of noise at 10 Hz."""

    name = 'noise'
    rate = 10.0

    def __init__(self, count: int = 8, shape: tuple[int, ...] = (40, 56, 3), broken: str = ''):
        rng = np.random.default_rng(0)
        self.images = [rng.integers(0, 256, shape, np.uint8) for _ in range(count)]
        self.size = (shape[1], shape[0])
        self.broken = broken

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self):
        for index, image in enumerate(self.images):
            yield Frame(index, index * SECOND // 10, image)


class Player:
    """Runs a playback on a thread of its own and keeps what it delivers."""

    def __init__(self, source: Source, faults: FaultInjector | None = None, **options) -> None:
        options.setdefault('speed', 100.0)
        self.playback = Playback(source, faults or FaultInjector([], 0.0, 0), **options)
        self.shots: list[PlaybackFrame] = []
        self.warnings: list[str] = []
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        self.playback.run(lambda shot: shot, self._deliver, self.warnings.append)

    def _deliver(self, shot: PlaybackFrame) -> None:
        with self.changed:
            self.shots.append(shot)
            self.changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.shots) >= count, LONG)

    def end(self) -> list[PlaybackFrame]:
        self.thread.join(LONG)
        assert not self.thread.is_alive()
        return self.shots


def test_schedule_follows_the_stamps_without_drift():
    schedule = Schedule(rate=30.0)
    stamps = [7 * SECOND + i * SECOND * 1001 // 30000 for i in range(30001)]
    due = [schedule.due(stamp) for stamp in stamps]
    assert due[0] == 0
    assert due[-1] == 1001.0
    assert due[1] == pytest.approx(1001 / 30000, abs=1e-9)


def test_schedule_scales_with_speed_and_keeps_uneven_steps():
    schedule = Schedule(rate=10.0, speed=2.0)
    due = [schedule.due(ms * 1_000_000) for ms in (500, 600, 850, 900)]
    assert due == [0.0, 0.05, 0.175, 0.2]


@pytest.mark.parametrize('odd', [10, 9, 0, 10 + 6 * SECOND, 1_700_000_000 * SECOND])
def test_a_step_that_tells_nothing_counts_as_one_period(odd):
    schedule = Schedule(rate=4.0)
    assert [schedule.due(10), schedule.due(odd), schedule.due(odd + SECOND)] == [0.0, 0.25, 1.25]


def test_every_frame_is_delivered_once_and_in_order():
    source = Noise()
    player = Player(source)
    player.playback.start()
    shots = player.end()
    assert [shot.frame.index for shot in shots] == list(range(8))
    assert all(shot.frame.image is image for shot, image in zip(shots, source.images, strict=True))
    assert not any(shot.mask.any() for shot in shots)
    assert player.playback.delivered == 8
    assert player.warnings == []


def test_faults_are_those_of_seed_and_index_and_come_again_with_every_loop():
    source = Noise()
    specs = ['random:0.5', 'band:0.25', 'full', 'freeze']
    player = Player(source, FaultInjector(specs, 0.7, 3), loop=True)
    player.playback.start()
    player.wait_for(2 * len(source))
    player.playback.stop()
    shots = player.end()
    expected = FaultInjector(specs, 0.7, 3)
    for shot, again, image in zip(shots, shots[8:16], source.images, strict=False):
        struck = expected.inject(shot.frame.index, image)
        assert shot.fault == again.fault == struck.fault
        np.testing.assert_array_equal(shot.frame.image, struck.frame)
        np.testing.assert_array_equal(shot.mask != 0, struck.mask)
        assert shot.frame.stamp == again.frame.stamp
        np.testing.assert_array_equal(shot.mask, again.mask)
        np.testing.assert_array_equal(shot.frame.image, again.frame.image)
    assert {shot.fault for shot in shots} >= {None, 'full', 'freeze'}
    assert player.playback.damaged.total() == sum(shot.fault is not None for shot in shots)


def test_frames_limits_every_pass():
    player = Player(Noise(), loop=True, frames=3)
    player.playback.start()
    player.wait_for(7)
    player.playback.stop()
    assert [shot.frame.index for shot in player.end()][:7] == [0, 1, 2, 0, 1, 2, 0]


@pytest.mark.parametrize('scale', [8, 16])
def test_a_cell_of_the_mask_is_lost_if_any_of_its_pixels_is(scale):
    source = Noise(count=1, shape=(120, 200, 3))
    player = Player(source, FaultInjector(['block:0.2'], 1.0, 5), mask_scale=scale)
    player.playback.start()
    (shot,) = player.end()
    lost = FaultInjector(['block:0.2'], 1.0, 5).inject(0, source.images[0]).mask
    assert shot.mask.shape == (-(-120 // scale), -(-200 // scale))
    for row in range(shot.mask.shape[0]):
        for column in range(shot.mask.shape[1]):
            at = np.s_[row * scale : (row + 1) * scale, column * scale : (column + 1) * scale]
            assert shot.mask[row, column] == (255 if lost[at].any() else 0)
    assert full_mask(shot.mask, (120, 200))[lost].all()


@pytest.mark.parametrize('shape', [(40, 56), (40, 56, 4)])
def test_grey_frames_and_frames_with_alpha_are_damaged_too(shape):
    source = Noise(count=2, shape=shape)
    player = Player(source, FaultInjector(['full'], 1.0, 0))
    player.playback.start()
    for shot, image in zip(player.end(), source.images, strict=True):
        assert shot.frame.image.shape == image.shape
        assert shot.frame.image.flags.c_contiguous
        assert shot.mask.all()
        colour, alpha = (image, []) if image.ndim == 2 else (image[..., :3], image[..., 3])
        assert not np.array_equal(shot.frame.image.reshape(image.shape)[..., :3], colour)
        if image.ndim == 3:
            np.testing.assert_array_equal(shot.frame.image[..., 3], alpha)


def test_padded_rows_are_packed():
    source = Noise(count=1, shape=(40, 60))
    whole = source.images[0]
    source.images[0] = whole[:, :56]
    player = Player(source)
    player.playback.start()
    (shot,) = player.end()
    assert shot.frame.image.flags.c_contiguous
    np.testing.assert_array_equal(shot.frame.image, whole[:, :56])


def test_nothing_leaves_before_the_start_while_paused_or_after_a_stop():
    player = Player(Noise(), loop=True, paused=True)
    player.playback.start()
    player.thread.join(0.1)
    assert player.shots == []
    player.playback.pause(False)
    player.wait_for(5)
    player.playback.pause(True)
    held = len(player.shots)
    player.thread.join(0.1)  # a hundred periods
    assert len(player.shots) == held
    player.playback.pause(False)
    player.wait_for(held + 5)
    player.playback.stop()
    indices = [shot.frame.index for shot in player.end()]
    assert indices == [i % 8 for i in range(len(indices))]  # a pause skips nothing


def test_a_pause_moves_the_schedule_instead_of_a_burst_after_it():
    player = Player(Noise(count=30), speed=10.0)  # 10 ms between frames
    player.playback.start()
    player.wait_for(3)
    player.playback.pause(True)
    left = 30 - len(player.shots)
    player.thread.join(0.3)  # as long as all the rest would have taken
    resumed = time.monotonic()
    player.playback.pause(False)
    player.end()
    assert time.monotonic() - resumed >= (left - 1) * 0.01


def test_a_paused_or_waiting_playback_can_be_stopped():
    for options in ({'paused': True}, {'speed': 0.01}):
        player = Player(Noise(), **options)
        player.playback.start()
        player.playback.stop()
        assert len(player.end()) <= 1


def test_max_hz_is_never_exceeded():
    player = Player(Noise(count=11), max_hz=100.0)
    begun = time.monotonic()
    player.playback.start()
    shots = player.end()
    assert time.monotonic() - begun >= 10 / 100
    assert {b.frame.stamp - a.frame.stamp for a, b in pairwise(shots)} == {SECOND // 10}


def test_a_source_that_breaks_is_told_and_one_that_gives_nothing_is_an_error():
    player = Player(Noise(broken='frame 8 is damaged'))
    player.playback.start()
    assert len(player.end()) == 8
    assert player.warnings == ['noise: frame 8 is damaged']
    playback = Playback(Noise(count=0, broken='gone'), FaultInjector([], 0.0, 0))
    with pytest.raises(SourceError, match='noise: gone'):
        playback.run(lambda shot: shot, lambda shot: None, player.warnings.append)
