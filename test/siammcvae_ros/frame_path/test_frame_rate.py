# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""When a frame is missing, judged by those that came."""

import pytest

from siammcvae_core.restore.frame_clock import StampFault
from siammcvae_ros.frame_path.frame_rate import FrameRate, MIN_INTERVALS

MS = 1_000_000


def after(count, period=100, pace=1.0):
    frame_rate = FrameRate()
    for index in range(count):
        frame_rate.record(index * period * MS, index * period / 1000 * pace)
    return frame_rate


def test_nothing_is_missed_before_there_is_a_rhythm():
    assert FrameRate().overdue_at is None
    assert after(MIN_INTERVALS).overdue_at is None
    assert after(MIN_INTERVALS + 1).overdue_at == pytest.approx(0.1 * MIN_INTERVALS + 0.15)


@pytest.mark.parametrize('pace', [0.5, 1.0, 3.0])
def test_a_replay_keeps_its_own_pace(pace):
    frame_rate = after(6, pace=pace)
    assert frame_rate.period == pytest.approx(0.1)
    assert frame_rate.overdue_at == pytest.approx((0.5 + 0.15) * pace)


def test_frames_missed_have_the_stamps_they_would_have_had():
    frame_rate = after(6)
    assert [frame_rate.count_missing() for _ in range(3)] == [600 * MS, 700 * MS, 800 * MS]
    assert frame_rate.missing_seconds == pytest.approx(0.3)
    assert frame_rate.overdue_at == pytest.approx(0.5 + 0.45)
    frame_rate.record(900 * MS, 0.95)
    assert frame_rate.missing_seconds == 0
    assert frame_rate.count_missing() == 1000 * MS


def test_one_frame_lost_does_not_change_the_rhythm():
    frame_rate = after(6)
    frame_rate.record(700 * MS, 0.7)
    assert frame_rate.period == pytest.approx(0.1)


def test_a_stamp_that_jumps_back_starts_anew():
    frame_rate = after(8)
    frame_rate.record(0, 2.0, StampFault.JUMPED_BACK)
    assert frame_rate.overdue_at is None
    assert frame_rate.period is None


def test_a_burst_has_no_rhythm():
    frame_rate = FrameRate()
    for index in range(20):
        frame_rate.record(index * 100 * MS, 0.0001 * index)
    assert frame_rate.overdue_at is None


def test_repeated_stamps_tell_nothing():
    frame_rate = after(6)
    for _ in range(10):
        frame_rate.record(500 * MS, 0.5, StampFault.REPEATED)
    assert frame_rate.period == pytest.approx(0.1)
    assert frame_rate.interval == pytest.approx(0.1)
