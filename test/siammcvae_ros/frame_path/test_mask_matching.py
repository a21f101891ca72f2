# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which mask a frame gets, and that no frame is ever lost or reordered by waiting for one."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from siammcvae_ros.frame_path.mask_matching import MaskMatcher, MaskMode, Match


def matcher(**settings):
    matcher = MaskMatcher(**{'wait': 1.0, **settings})
    matcher.expected = True
    return matcher


def test_mask_before_its_frame():
    m = matcher()
    assert m.mask(10, 'mask') == ([], None)
    assert m.frame(10, 'frame', now=0.0) == [Match('frame', 'mask')]
    assert m.deadline is None


def test_mask_after_its_frame_within_the_wait():
    m = matcher()
    assert m.frame(10, 'frame', now=5.0) == []
    assert m.deadline == 6.0
    assert m.expire(5.9) == []
    assert m.mask(10, 'mask') == ([Match('frame', 'mask')], None)
    assert m.counts.matched == 1


def test_mask_that_never_comes():
    m = matcher()
    m.frame(10, 'frame', now=5.0)
    assert m.expire(6.0) == [Match('frame', None)]
    assert m.deadline is None


def test_mask_that_comes_late_is_reported():
    m = matcher()
    m.frame(10, 'frame', now=0.0)
    m.expire(2.0)
    assert m.mask(10, 'mask') == ([], 10)
    assert m.counts.late == 1


def test_nobody_publishes_masks_so_nothing_waits():
    m = matcher()
    m.expected = False
    assert m.frame(10, 'frame', now=0.0) == [Match('frame', None)]


def test_second_mask_before_the_frame_replaces_the_first():
    m = matcher()
    m.mask(10, 'first')
    m.mask(10, 'second')
    assert m.frame(10, 'frame', now=0.0) == [Match('frame', 'second')]
    assert m.counts.duplicate == 1


def test_second_mask_after_the_frame_changes_nothing_for_the_next_frame():
    m = matcher()
    m.mask(10, 'first')
    m.frame(10, 'frame', now=0.0)
    assert m.mask(10, 'second') == ([], 10)
    assert m.counts.duplicate == 1
    assert m.frame(20, 'next', now=0.0) == []


def test_mask_of_a_later_frame_ends_the_wait_of_the_earlier_ones():
    m = matcher()
    m.frame(10, 'a', now=0.0)
    m.frame(20, 'b', now=0.1)
    m.frame(30, 'c', now=0.2)
    assert m.mask(20, 'mask b') == ([Match('a', None), Match('b', 'mask b')], None)
    assert m.expire(9.0) == [Match('c', None)]


def test_frame_whose_mask_is_there_does_not_overtake_one_that_waits():
    m = matcher()
    m.frame(10, 'a', now=0.0)
    m.mask(20, 'mask b')
    assert m.frame(20, 'b', now=0.1) == [Match('a', None), Match('b', 'mask b')]


@pytest.mark.parametrize(('slop', 'expected'), [(0, []), (4, []), (5, [Match('frame', 'mask')])])
def test_slop(slop, expected):
    m = matcher(slop=slop)
    m.mask(15, 'mask')
    assert m.frame(10, 'frame', now=0.0) == expected


def test_slop_takes_the_nearest():
    m = matcher(slop=10)
    m.mask(4, 'far')
    m.mask(11, 'near')
    assert m.frame(10, 'frame', now=0.0) == [Match('frame', 'near')]


def test_latched_mask_holds_until_the_next():
    m = matcher(mode=MaskMode.LATCHED)
    assert m.frame(1, 'a', 0.0) == [Match('a', None)]
    m.mask(0, 'dirt')
    assert m.frame(2, 'b', 0.0) == [Match('b', 'dirt')]
    assert m.frame(3, 'c', 0.0) == [Match('c', 'dirt')]
    m.mask(0, 'clean')
    assert m.frame(4, 'd', 0.0) == [Match('d', 'clean')]


def test_off_ignores_masks():
    m = matcher(mode=MaskMode.OFF)
    m.mask(1, 'mask')
    assert m.frame(1, 'a', 0.0) == [Match('a', None)]


def test_too_many_waiting_frames_let_the_oldest_go():
    m = matcher()
    waiting = [m.frame(i, i, now=0.0) for i in range(m.FRAME_CAPACITY)]
    assert waiting == [[]] * m.FRAME_CAPACITY
    assert m.frame(99, 99, now=0.0) == [Match(0, None)]


def test_unused_masks_are_bounded_and_counted():
    m = matcher()
    for stamp in range(m.MASK_CAPACITY + 3):
        m.mask(stamp, stamp)
    assert m.counts.unused == 3
    assert m.frame(0, 'too old', now=0.0) == []
    assert m.frame(3, 'kept', now=0.0) == [Match('too old', None), Match('kept', 3)]


def test_restart_lets_frames_go_and_takes_the_stamps_anew():
    m = matcher()
    m.mask(1, 'old run')
    m.frame(1, 'a', now=0.0)
    m.frame(2, 'b', now=0.0)
    m.mask(1, 'new run')
    assert m.restart() == [Match('b', None)]
    assert m.frame(1, 'a again', now=0.0) == [Match('a again', 'new run')]


events = st.lists(
    st.one_of(
        st.tuples(st.just('frame'), st.integers(0, 12)),
        st.tuples(st.just('mask'), st.integers(0, 12)),
        st.tuples(st.just('expire'), st.floats(0, 3)),
        st.tuples(st.just('restart'), st.none()),
        st.tuples(st.just('expected'), st.booleans()),
    ),
    max_size=60,
)


@given(events, st.sampled_from(list(MaskMode)), st.sampled_from([0.0, 1.0]), st.integers(0, 2))
def test_every_frame_leaves_once_in_order_with_a_mask_of_its_stamp(events, mode, wait, slop):
    m = MaskMatcher(mode, wait, slop)
    now, fed, out = 0.0, 0, []
    for kind, value in events:
        if kind == 'frame':
            out += m.frame(value, (fed, value), now)
            fed += 1
        elif kind == 'mask':
            out += m.mask(value, value)[0]
        elif kind == 'expire':
            now += value
            out += m.expire(now)
            assert m.deadline is None or m.deadline > now
        elif kind == 'restart':
            out += m.restart()
            assert m.deadline is None
        else:
            m.expected = value
    out += m.flush()
    assert [match.item[0] for match in out] == list(range(fed))
    if mode is MaskMode.PER_FRAME:
        assert all(abs(x.mask - x.item[1]) <= slop for x in out if x.mask is not None)
        assert m.counts.matched == sum(x.mask is not None for x in out)
