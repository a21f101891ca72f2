# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The playback without ROS: schedule, loops, pauses and faults."""

from collections.abc import Callable
from dataclasses import replace
import math
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from siammcvae_core.errors import SourceError
from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.frames import Frame, full_mask, Source
from siammcvae_ros.replay import playback
from siammcvae_ros.replay.playback import Playback, PlaybackFrame, Schedule

SECOND = 10**9
PATIENCE = 120.0  # seconds; exceeded only by a test that fails


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
    """Runs a playback on a thread of its own and collects what it delivers."""

    def __init__(self, source: Source, faults: FaultInjector | None = None, **options) -> None:
        options.setdefault('speed', 100.0)
        self.playback = Playback(source, faults or FaultInjector([], 0.0, 0), **options)
        self.frames: list[PlaybackFrame] = []
        self.warnings: list[str] = []
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        self.playback.run(lambda frame: frame, self._deliver, self.warnings.append)

    def _deliver(self, frame: PlaybackFrame) -> None:
        with self.changed:
            self.frames.append(frame)
            self.changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.frames) >= count, PATIENCE)

    def end(self) -> list[PlaybackFrame]:
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        return self.frames


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
def test_an_irregular_step_counts_as_one_period(odd):
    schedule = Schedule(rate=4.0)
    assert [schedule.due(10), schedule.due(odd), schedule.due(odd + SECOND)] == [0.0, 0.25, 1.25]


def test_every_frame_is_delivered_once_and_in_order():
    source = Noise()
    player = Player(source)
    player.playback.start()
    played = player.end()
    assert [item.frame.index for item in played] == list(range(8))
    assert all(item.frame.image is image for item, image in zip(played, source.images, strict=True))
    assert not any(item.mask.any() for item in played)
    assert player.playback.delivered == 8
    assert player.warnings == []


def test_faults_are_those_of_seed_and_index_and_come_again_with_every_loop():
    source = Noise()
    specs = ['random:0.5', 'band:0.25', 'full', 'freeze']
    player = Player(source, FaultInjector(specs, 0.7, 3), loop=True)
    player.playback.start()
    player.wait_for(2 * len(source))
    player.playback.stop()
    played = player.end()
    expected = FaultInjector(specs, 0.7, 3)
    for item, again, image in zip(played, played[8:16], source.images, strict=False):
        damaged = expected.inject(item.frame.index, image)
        assert item.fault == again.fault == damaged.fault
        np.testing.assert_array_equal(item.frame.image, damaged.frame)
        np.testing.assert_array_equal(item.mask != 0, damaged.mask)
        assert item.frame.stamp == again.frame.stamp
        np.testing.assert_array_equal(item.mask, again.mask)
        np.testing.assert_array_equal(item.frame.image, again.frame.image)
    assert {item.fault for item in played} >= {None, 'full', 'freeze'}
    assert player.playback.damaged.total() == sum(item.fault is not None for item in played)


def test_frames_limits_every_pass():
    player = Player(Noise(), loop=True, frames=3)
    player.playback.start()
    player.wait_for(7)
    player.playback.stop()
    assert [item.frame.index for item in player.end()][:7] == [0, 1, 2, 0, 1, 2, 0]


@pytest.mark.parametrize('scale', [8, 16])
def test_a_cell_of_the_mask_is_lost_if_any_of_its_pixels_is(scale):
    source = Noise(count=1, shape=(120, 200, 3))
    player = Player(source, FaultInjector(['block:0.2'], 1.0, 5), mask_scale=scale)
    player.playback.start()
    (item,) = player.end()
    lost = FaultInjector(['block:0.2'], 1.0, 5).inject(0, source.images[0]).mask
    assert item.mask.shape == (-(-120 // scale), -(-200 // scale))
    for row in range(item.mask.shape[0]):
        for column in range(item.mask.shape[1]):
            at = np.s_[row * scale : (row + 1) * scale, column * scale : (column + 1) * scale]
            assert item.mask[row, column] == (255 if lost[at].any() else 0)
    assert full_mask(item.mask, (120, 200))[lost].all()


@pytest.mark.parametrize('shape', [(40, 56), (40, 56, 4)])
def test_grey_frames_and_frames_with_alpha_are_damaged_too(shape):
    source = Noise(count=2, shape=shape)
    player = Player(source, FaultInjector(['full'], 1.0, 0))
    player.playback.start()
    for item, image in zip(player.end(), source.images, strict=True):
        assert item.frame.image.shape == image.shape
        assert item.frame.image.flags.c_contiguous
        assert item.mask.all()
        colour, alpha = (image, []) if image.ndim == 2 else (image[..., :3], image[..., 3])
        assert not np.array_equal(item.frame.image.reshape(image.shape)[..., :3], colour)
        if image.ndim == 3:
            np.testing.assert_array_equal(item.frame.image[..., 3], alpha)


def test_padded_rows_are_packed():
    source = Noise(count=1, shape=(40, 60))
    whole = source.images[0]
    source.images[0] = whole[:, :56]
    player = Player(source)
    player.playback.start()
    (item,) = player.end()
    assert item.frame.image.flags.c_contiguous
    np.testing.assert_array_equal(item.frame.image, whole[:, :56])


def test_nothing_leaves_before_the_start_while_paused_or_after_a_stop():
    player = Player(Noise(), loop=True, paused=True)
    player.playback.start()
    player.thread.join(0.1)
    assert player.frames == []
    player.playback.pause(False)
    player.wait_for(5)
    player.playback.pause(True)
    held = len(player.frames)
    player.thread.join(0.1)  # a hundred periods
    assert len(player.frames) == held
    player.playback.pause(False)
    player.wait_for(held + 5)
    player.playback.stop()
    indices = [item.frame.index for item in player.end()]
    assert indices == [i % 8 for i in range(len(indices))]  # a pause skips nothing


class Timeline:
    """Stands in for the clock and the lock of a playback: waiting moves the clock, at once.

    `events` are calls with the times at which they are due, in order.
    """

    def __init__(self) -> None:
        self.now = 100.0
        self.events: list[tuple[float, Callable[[], None]]] = []
        self.delivered: list[float] = []

    def __enter__(self) -> None:
        """Take the lock that only this thread needs."""

    def __exit__(self, *_: object) -> None:
        """Release it."""

    def monotonic(self) -> float:
        return self.now

    def notify_all(self) -> None:
        """Wake nobody: there is one thread."""

    def wait(self, seconds: float | None) -> None:
        end = math.inf if seconds is None else self.now + seconds
        if self.events and 100.0 + self.events[0][0] <= end:
            at, event = self.events.pop(0)
            self.now = 100.0 + at
            event()
        else:
            assert end < math.inf, 'it waits for nothing'
            self.now = end

    def play(self, playback: Playback) -> list[float]:
        """Play to the end; return when each frame was delivered."""
        playback.start()
        playback.run(lambda frame: frame, self._deliver, lambda line: None)
        return self.delivered

    def _deliver(self, frame: PlaybackFrame) -> None:
        self.delivered.append(self.now - 100.0)


@pytest.fixture
def timeline(monkeypatch: pytest.MonkeyPatch) -> Timeline:
    timeline = Timeline()
    monkeypatch.setattr(playback, 'time', timeline)
    monkeypatch.setattr(playback, 'threading', SimpleNamespace(Condition=lambda: timeline))
    return timeline


def test_a_pause_moves_the_schedule_instead_of_a_burst_after_it(timeline: Timeline) -> None:
    paused = Playback(Noise(count=6), FaultInjector([], 0.0, 0), speed=10.0)
    timeline.events = [(0.025, lambda: paused.pause(True)), (7.0, lambda: paused.pause(False))]
    expected = [0.0, 0.01, 0.02, *(7.0 - 0.025 + due for due in (0.03, 0.04, 0.05))]
    assert timeline.play(paused) == pytest.approx(expected)


def test_frames_are_delivered_when_they_are_due(timeline: Timeline) -> None:
    at_twice_the_speed = Playback(Noise(count=4), FaultInjector([], 0.0, 0), speed=2.0)
    assert timeline.play(at_twice_the_speed) == pytest.approx([0.0, 0.05, 0.1, 0.15])


def test_max_hz_is_never_exceeded(timeline: Timeline) -> None:
    limited = Playback(Noise(count=4), FaultInjector([], 0.0, 0), speed=100.0, max_hz=20.0)
    assert timeline.play(limited) == pytest.approx([0.0, 0.05, 0.1, 0.15])


def test_a_paused_or_waiting_playback_can_be_stopped():
    for options in ({'paused': True}, {'speed': 0.01}):
        player = Player(Noise(), **options)
        player.playback.start()
        player.playback.stop()
        assert len(player.end()) <= 1


def test_a_source_that_breaks_is_warned_of_and_an_empty_one_is_an_error():
    player = Player(Noise(broken='frame 8 is damaged'))
    player.playback.start()
    assert len(player.end()) == 8
    assert player.warnings == ['noise: frame 8 is damaged']
    empty = Playback(Noise(count=0, broken='gone'), FaultInjector([], 0.0, 0))
    with pytest.raises(SourceError, match='noise: gone'):
        empty.run(lambda frame: frame, lambda frame: None, player.warnings.append)


def test_what_the_recording_has_lost_is_in_the_mask_beside_injected_faults():
    class Lossy(Noise):
        def __iter__(self):
            for frame in super().__iter__():
                mask = np.zeros(frame.image.shape[:2], bool)
                mask[:3, :5] = frame.index > 1
                yield replace(frame, mask=mask)

    player = Player(Lossy(4))
    player.playback.start()
    frames = player.end()
    assert [frame.fault for frame in frames] == [None, None, playback.RECORDED, playback.RECORDED]
    assert [int((frame.mask == 255).sum()) for frame in frames] == [0, 0, 15, 15]
    player = Player(Lossy(4), FaultInjector(['block:0.3'], 1.0, 0))
    player.playback.start()
    frames = player.end()
    assert {frame.fault for frame in frames} == {'block:0.3'}
    assert all(frame.mask[:3, :5].all() for frame in frames[2:])
