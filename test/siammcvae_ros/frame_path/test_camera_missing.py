# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames that do not come are concealed, for a while, in order."""

import pytest
from support.rig import BAND, HEIGHT, MS, NOTHING, Rig, WIDTH


class Concealing(Rig):
    """A camera whose missing frames are concealed, after six that came on time."""

    def __init__(self, frames=6, **policy):
        super().__init__(conceal_missing=True, **policy)
        for index in range(frames):
            self.frame(index, mask=NOTHING)
            self.work()

    def empty_message(self, frame, stamp):
        return f'missing at {stamp // MS}'

    def wait(self, until):
        """Let time pass as the executor's timer does."""
        while (deadline := self.camera.deadline) is not None and deadline <= until:
            self.camera.expire(deadline)
            self.work()


def test_a_frame_that_does_not_come_is_concealed_and_its_successor_is_as_ever():
    rig = Concealing()
    rig.wait(0.64)
    assert rig.numbers == [0, 1, 2, 3, 4, 5]
    rig.wait(0.66)
    message, restored = rig.out[-1]
    assert message == 'missing at 600'
    assert restored.mask.all()
    assert restored.frame.shape == (HEIGHT, WIDTH)
    rig.frame(7, mask=NOTHING, at=0.7)
    rig.work()
    assert rig.numbers[-1] == 7
    counters = rig.camera.snapshot().counters
    assert (counters.concealed, counters.received, counters.in_flight) == (1, 7, 0)
    assert not counters.restored


def test_concealing_ends_with_the_age_of_the_reference():
    rig = Concealing()
    rig.camera.restorer.max_reference_age = 0.35
    rig.wait(60.0)
    assert rig.numbers[6:] == [f'missing at {n}' for n in (600, 700, 800)]
    assert rig.camera.deadline is None
    rig.frame(60, mask=NOTHING, at=6.0)
    rig.work()
    assert rig.numbers[-1] == 60
    counters = rig.camera.snapshot().counters
    assert (counters.concealed, counters.in_flight, counters.dropped.total()) == (3, 0, 0)


def test_a_frame_that_comes_after_it_was_concealed_is_a_reference_only():
    rig = Concealing()
    rig.wait(0.66)
    rig.frame(6, mask=NOTHING, at=0.67)
    rig.work()
    assert rig.numbers[-1] == 'missing at 600'
    assert rig.camera.snapshot().counters.dropped == {'concealed': 1}
    rig.frame(7, mask=BAND, at=0.7)
    rig.work()
    assert rig.out[-1][1].reference_age == pytest.approx(0.1)


def test_without_being_asked_to_nothing_is_concealed():
    rig = Concealing()
    rig.policy.conceal_missing = False
    assert rig.camera.deadline is None
    rig.wait(5.0)
    assert len(rig.out) == 6


def test_a_damaged_frame_that_waits_is_not_given_up_for_one_that_is_missing():
    rig = Concealing()
    rig.frame(6, mask=BAND, at=0.6)
    rig.camera.expire(0.76)
    rig.work()
    assert rig.numbers[-1] == 6
    assert rig.camera.snapshot().counters.dropped == {}


def test_a_stream_that_starts_again_is_not_late():
    rig = Concealing()
    rig.wait(0.66)
    rig.frame(0, mask=NOTHING, at=0.7)
    rig.work()
    assert rig.numbers[-1] == 0
    assert rig.camera.deadline is None
