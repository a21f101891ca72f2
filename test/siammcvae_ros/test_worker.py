# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The thread that restores, with real cameras: what it does when, and that it prepares."""

import time

import numpy as np
from support.rig import BAND, NOTHING, Rig, view

from siammcvae_core.engines import Made
from siammcvae_core.restorer import Restorer
from siammcvae_ros.worker import Worker


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
        return Made(references.frames[0].frame.copy())


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
    rig, worker = rig_of(engine), Worker(print)
    worker.start([rig.camera])
    try:
        for index, mask in enumerate((NOTHING, NOTHING, BAND, NOTHING)):
            rig.frame(index, mask)
            worker.wake()
            assert until(lambda: not rig.camera.has_work and not rig.camera.restorer.unprepared)
            due = ['encode', 'restore'] if index > 1 else []
            assert until(lambda due=due: engine.asked[: len(due)] == due)
        assert until(lambda: engine.asked == ['encode', 'restore', 'encode'])
        rig.frame(4, BAND)
        worker.wake()
        assert until(lambda: engine.asked == ['encode', 'restore', 'encode', 'restore'])
    finally:
        assert worker.stop(10)


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
    worker = Worker(print)
    worker.start([quiet.camera, busy.camera])
    try:
        worker.wake()
        assert until(lambda: not quiet.camera.restorer.unprepared)
    finally:
        assert worker.stop(10)
    assert engine.asked[before:] == ['encode', 'restore', 'encode']
