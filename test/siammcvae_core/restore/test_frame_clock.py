# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The time of frames whose stamps do not say it."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from siammcvae_core.restore.frame_clock import FrameClock, StampFault

SECOND = 10**9


def record(*frames):
    """Record frames, each a stamp and an arrival in seconds: their times and faults."""
    clock = FrameClock()
    recorded = [clock.record(round(stamp * SECOND), arrived) for stamp, arrived in frames]
    return [seconds for seconds, _ in recorded], [fault for _, fault in recorded]


def test_stamps_that_advance_are_the_time():
    times, faults = record((5.0, 0.0), (5.1, 3.0), (5.2, 3.01))
    assert times == pytest.approx([5.0, 5.1, 5.2])
    assert faults == [None] * 3


@pytest.mark.parametrize('stamp', [0.0, 7.0])
def test_time_goes_on_by_arrival_where_stamps_stand(stamp):
    times, faults = record(*((stamp, 50.0 + 0.1 * index) for index in range(5)))
    assert times == pytest.approx([stamp + 0.1 * index for index in range(5)])
    assert faults[1:] == [StampFault.UNSET if stamp == 0 else StampFault.REPEATED] * 4


def test_a_frame_sent_twice_costs_no_jump():
    times, faults = record(
        (5.0, 0.0), (5.0, 0.001), (5.1, 0.1), (5.1, 0.35), (5.2, 0.4), (5.5, 0.5)
    )
    assert times == pytest.approx([5.0, 5.001, 5.1, 5.35, 5.4, 5.5])
    assert faults.count(StampFault.REPEATED) == 2


def test_stamps_that_jump_back_start_anew():
    times, faults = record((5.0, 0.0), (5.1, 0.1), (2.0, 0.2), (2.1, 0.3), (0.0, 0.4), (0.0, 0.5))
    assert times == pytest.approx([5.0, 5.1, 2.0, 2.1, 0.0, 0.1])
    back = StampFault.JUMPED_BACK
    assert faults == [None, None, back, None, back, StampFault.UNSET]


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1)), max_size=30))
def test_time_advances_but_where_stamps_jump_back(frames):
    clock, arrived, last = FrameClock(), 0.0, None
    for stamp, interval in frames:
        arrived += interval
        seconds, fault = clock.record(stamp * SECOND, arrived)
        assert last is None or seconds > last or fault is StampFault.JUMPED_BACK
        last = seconds
