# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""When a frame is missing, judged by those that came."""

import pytest

from siammcvae_ros.frame_path.frame_rate import KNOWN, Rhythm

MS = 1_000_000


def after(count, period=100, pace=1.0):
    rhythm = Rhythm()
    for index in range(count):
        assert rhythm.beat(index * period * MS, index * period / 1000 * pace)
    return rhythm


def test_nothing_is_missed_before_there_is_a_rhythm():
    assert Rhythm().due is None
    assert after(KNOWN).due is None
    assert after(KNOWN + 1).due == pytest.approx(0.1 * KNOWN + 0.15)


@pytest.mark.parametrize('pace', [0.5, 1.0, 3.0])
def test_a_replay_keeps_its_own_pace(pace):
    rhythm = after(6, pace=pace)
    assert rhythm.period == pytest.approx(0.1)
    assert rhythm.due == pytest.approx((0.5 + 0.15) * pace)


def test_frames_missed_have_the_stamps_they_would_have_had():
    rhythm = after(6)
    assert [rhythm.miss() for _ in range(3)] == [600 * MS, 700 * MS, 800 * MS]
    assert rhythm.missed == pytest.approx(0.3)
    assert rhythm.due == pytest.approx(0.5 + 0.45)
    rhythm.beat(900 * MS, 0.95)
    assert rhythm.missed == 0
    assert rhythm.miss() == 1000 * MS


def test_one_frame_lost_does_not_change_the_rhythm():
    rhythm = after(6)
    rhythm.beat(700 * MS, 0.7)
    assert rhythm.period == pytest.approx(0.1)


def test_a_stamp_that_jumps_back_starts_anew():
    rhythm = after(8)
    assert not rhythm.beat(0, 2.0)
    assert rhythm.due is None
    assert rhythm.period is None


def test_a_burst_has_no_rhythm():
    rhythm = Rhythm()
    for index in range(20):
        rhythm.beat(index * 100 * MS, 0.0001 * index)
    assert rhythm.due is None


def test_repeated_stamps_tell_nothing():
    rhythm = after(6)
    for _ in range(10):
        assert rhythm.beat(500 * MS, 0.5)
    assert rhythm.period == pytest.approx(0.1)
