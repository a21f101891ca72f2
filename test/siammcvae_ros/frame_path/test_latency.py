# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The stages of a frame together are all of its time in the node; only the newest count."""

from types import SimpleNamespace

import pytest
from support.rig import BAND, MS, NOTHING, Rig, view

from siammcvae_ros.frame_path import camera, latency, output_queue
from siammcvae_ros.frame_path.latency import Stage, StageTimes
from siammcvae_ros.frame_path.output_queue import CameraFrame


class Clock:
    """Stands still between calls of `go`."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def go(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in (camera, latency, output_queue):
        monkeypatch.setattr(module, 'time', SimpleNamespace(monotonic=clock.monotonic))
    return clock


@pytest.fixture
def rig(clock, monkeypatch):
    """Build a camera on that clock: inspecting takes 4 ms, restoring 0.2 s, sending 10 ms."""
    rig = Rig(wait=1.0, max_hold=1.0)

    def taking(seconds, do):
        def done(*arguments):
            clock.go(seconds)
            return do(*arguments)

        return done

    monkeypatch.setattr(
        rig.camera._inspection, 'inspect', taking(0.004, rig.camera._inspection.inspect)
    )
    monkeypatch.setattr(rig.camera.restorer, 'restore', taking(0.2, rig.camera.restorer.restore))
    monkeypatch.setattr(rig, 'publish', taking(0.01, rig.publish))
    monkeypatch.setattr(rig, 'pass_through', taking(0.01, rig.pass_through))
    return rig


def arrive(rig, clock, index, intake=0.0):
    frame = CameraFrame(index, index * 100 * MS, clock.now, view(index), 'mono8')
    clock.go(intake)
    rig.camera.receive(frame)


def newest(rig):
    """Milliseconds that the newest frame spent in each stage it was in."""
    times = rig.camera.snapshot().stage_times
    return {stage: round(seconds[-1] * 1e3) for stage, seconds in times.items() if seconds}


def test_every_stage_of_a_restored_frame(rig, clock):
    for index in range(2):
        rig.camera.mask(index * 100 * MS, NOTHING)
        arrive(rig, clock, index)
    rig.work()
    rig.camera.matcher.expected = True
    arrive(rig, clock, 2, intake=0.003)
    clock.go(0.02)
    rig.camera.mask(200 * MS, BAND)
    clock.go(0.1)
    rig.work()
    spent = newest(rig)
    assert spent[Stage.INTAKE] == 3
    assert spent[Stage.MASK_WAIT] == 20
    assert spent[Stage.QUEUE] == 100
    assert spent[Stage.RESTORE] == 200
    assert spent[Stage.PUBLISH] == 10
    assert rig.camera.snapshot().restored_seconds == pytest.approx([0.004 + 0.333])


def test_every_stage_of_an_intact_frame(rig, clock):
    for index, mask in enumerate((NOTHING, NOTHING, BAND, NOTHING)):
        rig.camera.mask(index * 100 * MS, mask)
        arrive(rig, clock, index, intake=0.005)
    assert rig.numbers == [0, 1]
    clock.go(0.1)
    rig.work()
    assert rig.numbers == [0, 1, 2, 3]
    # The third frame waited 0.1 s, was restored in 0.2 s and sent in 10 ms.
    assert newest(rig)[Stage.HOLD] == 310
    assert rig.camera.snapshot().passed_seconds[-1] == pytest.approx(0.005 + 0.004 + 0.31 + 0.01)


@pytest.mark.parametrize('broken', [True, False])
def test_time_that_restored_nothing_counts(rig, clock, monkeypatch, broken):
    if broken:

        def restore(*_):
            clock.go(0.3)
            raise RuntimeError('no')

        monkeypatch.setattr(rig.camera.restorer, 'restore', restore)
    rig.camera.mask(0, BAND)
    arrive(rig, clock, 0)
    rig.work()
    assert rig.counters.passed.total() == 1
    assert newest(rig)[Stage.RESTORE] == (300 if broken else 200)


def test_a_concealed_frame_has_stages_of_its_own(rig, clock):
    rig.policy.conceal_missing = True
    rig.empty_message = lambda frame, stamp: f'missing at {stamp // MS}'
    for index in range(6):
        rig.camera.mask(index * 100 * MS, NOTHING)
        arrive(rig, clock, index)
        rig.work()
        clock.go(0.1)
    clock.go(0.1)
    before = len(rig.camera.snapshot().stage_times[Stage.INTAKE])
    rig.camera.expire(clock.now)
    clock.go(0.05)
    rig.work()
    assert rig.counters.concealed == 1
    assert newest(rig)[Stage.QUEUE] == 50
    assert len(rig.camera.snapshot().stage_times[Stage.INTAKE]) == before


def test_only_the_newest_count(clock):
    times = StageTimes()
    for _ in range(StageTimes.CAPACITY + 5):
        clock.go(0.5)
        times.record(clock.now - 1.0, Stage.HOLD)
    before = times.copy()
    clock.go(7.0)
    assert times.record(clock.now - 7.0, Stage.HOLD) == clock.now
    assert before[Stage.HOLD] == (1.0,) * StageTimes.CAPACITY
    assert times.copy()[Stage.HOLD] == (1.0,) * (StageTimes.CAPACITY - 1) + (7.0,)
    assert times.copy()[Stage.RESTORE] == ()


def test_the_method_of_the_newest_damaged_frame_and_why(rig, clock):
    assert rig.camera.snapshot().method == ''
    methods = []
    for index, mask in enumerate((BAND, NOTHING, BAND)):
        rig.camera.mask(index * 100 * MS, mask)
        arrive(rig, clock, index)
        rig.work()
        snapshot = rig.camera.snapshot()
        methods.append((snapshot.method, snapshot.method_reason))
    assert methods == [
        ('pass', 'no_reference'),
        ('pass', 'no_reference'),
        ('copy', 'one_reference'),
    ]
