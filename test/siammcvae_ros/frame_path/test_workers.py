# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The threads that restore, with real cameras: what they do when, and that they prepare."""

import threading
import time

import numpy as np
from support.rig import BAND, NOTHING, Rig, view

from siammcvae_core.engines import Restoration
from siammcvae_core.restore.restorer import Restorer
from siammcvae_ros.frame_path.workers import Workers

PATIENCE = 120.0  # seconds; exceeded only by a test that fails


class Log:
    """An engine that records its calls, and restores by a copy."""

    patch, references, eager = 16, 1, False

    def __init__(self):
        self.calls = []

    def encode_reference(self, frame):
        self.calls.append('encode')

    def restore(self, references, frame, mask, stamp):
        references.frames[0].encoded_by(self.encode_reference)
        self.calls.append('restore')
        return Restoration(references.frames[0].frame.copy())


def rig_of(engine):
    return Rig(restorer=Restorer(engine))


def until(condition):
    """Wait for another thread; False after PATIENCE seconds."""
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def test_they_prepare_for_the_next_damage_when_nothing_waits():
    engine = Log()
    rig, workers = rig_of(engine), Workers(print)
    workers.start([rig.camera])
    try:
        for index, mask in enumerate((NOTHING, NOTHING, BAND, NOTHING)):
            rig.frame(index, mask)
            workers.wake()
            assert until(lambda: not rig.camera.has_pending and not rig.camera.restorer.unprepared)
            due = ['encode', 'restore'] if index > 1 else []
            assert until(lambda due=due: engine.calls[: len(due)] == due)
        assert until(lambda: engine.calls == ['encode', 'restore', 'encode'])
        rig.frame(4, BAND)
        workers.wake()
        assert until(lambda: engine.calls == ['encode', 'restore', 'encode', 'restore'])
    finally:
        assert workers.stop(PATIENCE)


def test_a_damaged_frame_goes_before_any_preparation():
    engine = Log()
    quiet, busy = rig_of(engine), rig_of(engine)
    for rig in (quiet, busy):
        for index, mask in enumerate((NOTHING, NOTHING, BAND, NOTHING)):
            rig.frame(index, mask)
            rig.work()
    assert quiet.camera.restorer.unprepared
    busy.frame(4, BAND, np.where(BAND != 0, 0, view(4)).astype(np.uint8))
    before = len(engine.calls)
    workers = Workers(print)
    workers.start([quiet.camera, busy.camera])
    try:
        workers.wake()
        assert until(lambda: not quiet.camera.restorer.unprepared)
    finally:
        assert workers.stop(PATIENCE)
    assert engine.calls[before:] == ['encode', 'restore', 'encode']


class Blocking(Log):
    """An engine whose restorations wait until `release` is set, from the first on."""

    def __init__(self):
        super().__init__()
        self.entered = threading.Semaphore(0)
        self.release = threading.Event()
        self.lock = threading.Lock()
        self.inside, self.most = 0, 0

    def restore(self, references, frame, mask, stamp):
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.entered.release()
        assert self.release.wait(PATIENCE)
        with self.lock:
            self.inside -= 1
        return super().restore(references, frame, mask, stamp)


def with_references(engine, cameras):
    """Return cameras that have two intact frames each."""
    rigs = [rig_of(engine) for _ in range(cameras)]
    for rig in rigs:
        for index in (0, 1):
            rig.frame(index, NOTHING)
            rig.work()
    return rigs


def restoring(engine, cameras, frames, count):
    """Let `count` workers restore `frames` frames, one after another, of each of some cameras."""
    rigs, workers = with_references(engine, cameras), Workers(print)
    workers.start([rig.camera for rig in rigs], count)
    try:
        for index in range(2, 2 + frames):
            for rig in rigs:
                rig.frame(index, BAND)
                workers.wake()
            assert until(lambda index=index: all(rig.numbers[-1] == index for rig in rigs))
    finally:
        assert workers.stop(PATIENCE)
    return rigs


def test_several_cameras_are_restored_at_a_time():
    engine = Blocking()
    rigs, workers = with_references(engine, 3), Workers(print)
    workers.start([rig.camera for rig in rigs], 3)
    try:
        for rig in rigs:
            rig.frame(2, BAND)
            workers.wake()
        assert all(engine.entered.acquire(timeout=PATIENCE) for _ in rigs)
        engine.release.set()
        assert until(lambda: all(rig.numbers[-1] == 2 for rig in rigs))
    finally:
        engine.release.set()
        assert workers.stop(PATIENCE)
    assert [rig.counters.restored for rig in rigs] == [{'model': 1}] * 3


def test_a_camera_is_served_by_one_at_a_time():
    """The second worker passes over a frame of the first one's camera, though it is older."""
    slow, quick = Blocking(), Log()
    (busy,), (idle,), workers = with_references(slow, 1), with_references(quick, 1), Workers(print)
    workers.start([busy.camera, idle.camera], 2)
    try:
        busy.frame(2, BAND)
        workers.wake()
        assert slow.entered.acquire(timeout=PATIENCE)
        busy.frame(3, BAND)
        idle.frame(4, BAND)
        workers.wake()
        assert until(lambda: idle.numbers[-1] == 4)
        assert busy.numbers == [0, 1]
        slow.release.set()
        assert until(lambda: busy.numbers[-1] == 3)
    finally:
        slow.release.set()
        assert workers.stop(PATIENCE)
    assert slow.most == 1
    assert busy.numbers == [0, 1, 2, 3]


def test_no_more_are_restored_at_a_time_than_there_are_workers():
    engine = Blocking()
    engine.release.set()
    restoring(engine, cameras=3, frames=2, count=1)
    assert engine.most == 1


def test_one_that_outlasted_stop_ends_when_its_job_does():
    engine = Blocking()
    (rig,), workers = with_references(engine, 1), Workers(print)
    workers.start([rig.camera])
    (late,) = (thread for thread in threading.enumerate() if thread.name.startswith('worker'))
    rig.frame(2, BAND)
    workers.wake()
    assert engine.entered.acquire(timeout=PATIENCE)
    assert not workers.stop(0.01)
    workers.start([rig.camera])
    try:
        engine.release.set()
        late.join(PATIENCE)
        assert not late.is_alive()
        rig.frame(3, BAND)
        workers.wake()
        assert until(lambda: rig.numbers[-1] == 3)
    finally:
        assert workers.stop(PATIENCE)


def test_they_go_on_after_an_engine_failed():
    class Faulty(Log):
        def restore(self, references, frame, mask, stamp):
            raise RuntimeError('no')

    (rig,) = restoring(Faulty(), cameras=1, frames=2, count=1)
    assert rig.counters.restored == {'warp': 2}
