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


class Log:
    """An engine that notes what it is asked, and restores by a copy."""

    patch, references, eager = 16, 1, False

    def __init__(self):
        self.asked = []

    def encode_reference(self, frame):
        self.asked.append('encode')

    def restore(self, references, frame, mask, stamp):
        references.frames[0].encoded_by(self.encode_reference)
        self.asked.append('restore')
        return Restoration(references.frames[0].frame.copy())


def rig_of(engine):
    rig = Rig()
    rig.camera.restorer = Restorer(engine)
    return rig


def until(condition):
    """Wait for another thread; False after 10 s."""
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def test_it_prepares_for_the_next_damage_when_nothing_waits():
    engine = Log()
    rig, workers = rig_of(engine), Workers(print)
    workers.start([rig.camera])
    try:
        for index, mask in enumerate((NOTHING, NOTHING, BAND, NOTHING)):
            rig.frame(index, mask)
            workers.wake()
            assert until(lambda: not rig.camera.has_pending and not rig.camera.restorer.unprepared)
            due = ['encode', 'restore'] if index > 1 else []
            assert until(lambda due=due: engine.asked[: len(due)] == due)
        assert until(lambda: engine.asked == ['encode', 'restore', 'encode'])
        rig.frame(4, BAND)
        workers.wake()
        assert until(lambda: engine.asked == ['encode', 'restore', 'encode', 'restore'])
    finally:
        assert workers.stop(10)


def test_a_damaged_frame_goes_before_any_preparation():
    engine = Log()
    quiet, busy = rig_of(engine), rig_of(engine)
    for rig in (quiet, busy):
        for index, mask in enumerate((NOTHING, NOTHING, BAND, NOTHING)):
            rig.frame(index, mask)
            rig.work()
    assert quiet.camera.restorer.unprepared
    busy.frame(4, BAND, np.where(BAND != 0, 0, view(4)).astype(np.uint8))
    before = len(engine.asked)
    workers = Workers(print)
    workers.start([quiet.camera, busy.camera])
    try:
        workers.wake()
        assert until(lambda: not quiet.camera.restorer.unprepared)
    finally:
        assert workers.stop(10)
    assert engine.asked[before:] == ['encode', 'restore', 'encode']


class Meeting(Log):
    """An engine whose restorations end only when so many go on side by side, or after a while."""

    def __init__(self, count, patience=10.0):
        super().__init__()
        self.barrier = threading.Barrier(count)
        self.patience = patience
        self.met, self.alone = 0, 0

    def restore(self, references, frame, mask, stamp):
        try:
            self.barrier.wait(self.patience)
            self.met += 1
        except threading.BrokenBarrierError:
            self.alone += 1
        return super().restore(references, frame, mask, stamp)


def kept(engine, cameras):
    """Give cameras that have two intact frames each."""
    rigs = [rig_of(engine) for _ in range(cameras)]
    for rig in rigs:
        for index in (0, 1):
            rig.frame(index, NOTHING)
            rig.work()
    return rigs


def restoring(engine, cameras, frames, count):
    """Give each of some cameras so many damaged frames, one after another, to so many workers."""
    rigs, workers = kept(engine, cameras), Workers(print)
    workers.start([rig.camera for rig in rigs], count)
    try:
        for index in range(2, 2 + frames):
            for rig in rigs:
                rig.frame(index, BAND)
                workers.wake()
            assert until(lambda index=index: all(rig.numbers[-1] == index for rig in rigs))
    finally:
        assert workers.stop(10)
    return rigs


def test_several_cameras_are_restored_at_a_time():
    engine = Meeting(3)
    rigs = restoring(engine, cameras=3, frames=1, count=3)
    assert (engine.met, engine.alone) == (3, 0)
    assert [rig.counters.restored for rig in rigs] == [{'model': 1}] * 3


def test_a_camera_is_served_by_one_at_a_time():
    engine = Meeting(2, patience=0.5)
    (busy, idle), workers = kept(engine, 2), Workers(print)
    workers.start([busy.camera, idle.camera], 2)
    try:
        busy.frame(2, BAND)
        workers.wake()
        assert until(lambda: engine.barrier.n_waiting == 1)
        busy.frame(3, BAND)
        workers.wake()
        assert until(lambda: busy.numbers[-1] == 3)
    finally:
        assert workers.stop(10)
    assert engine.met == 0
    assert busy.numbers == [0, 1, 2, 3]


def test_no_more_are_restored_at_a_time_than_there_are_workers():
    engine = Meeting(2, patience=0.3)
    restoring(engine, cameras=2, frames=1, count=1)
    assert engine.met == 0
    assert engine.alone > 0


def test_one_that_outlasted_stop_ends_when_its_job_does():
    engine = Meeting(2, patience=2.0)
    (rig,), workers = kept(engine, 1), Workers(print)
    workers.start([rig.camera])
    (late,) = (thread for thread in threading.enumerate() if thread.name.startswith('worker'))
    rig.frame(2, BAND)
    workers.wake()
    assert until(lambda: engine.barrier.n_waiting == 1)
    assert not workers.stop(0.01)
    workers.start([rig.camera])
    try:
        assert until(lambda: not late.is_alive())
        rig.frame(3, BAND)
        workers.wake()
        assert until(lambda: rig.numbers[-1] == 3)
    finally:
        assert workers.stop(10)


def test_they_go_on_after_an_engine_failed():
    class Faulty(Log):
        def restore(self, references, frame, mask, stamp):
            raise RuntimeError('no')

    (rig,) = restoring(Faulty(), cameras=1, frames=2, count=1)
    assert rig.counters.restored == {'warp': 2}
