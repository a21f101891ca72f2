# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masks that come after their frame has left, or for the second time."""

import pytest
from support.rig import BAND, damaged, MS, NOTHING, Rig


def test_late_mask_takes_the_reference_back(rig):
    rig.camera.matcher.expected = False
    rig.frame(2, pixels=damaged(2))
    rig.work()
    rig.camera.mask(200 * MS, BAND)
    rig.frame(3, BAND, damaged(3))
    rig.work()
    assert rig.camera.snapshot().masks.late == 1
    assert rig.camera.snapshot().reference_age == pytest.approx(0.2)


def test_second_mask_that_says_damaged_takes_the_reference_back(rig):
    rig.frame(2, NOTHING, damaged(2))
    rig.work()
    rig.camera.mask(200 * MS, BAND)
    rig.frame(3, BAND, damaged(3))
    rig.work()
    assert rig.camera.snapshot().reference_age == pytest.approx(0.2)


def test_late_mask_of_a_frame_not_yet_observed(rig):
    rig.camera.matcher.expected = False
    rig.frame(2, pixels=damaged(2))
    rig.camera.mask(200 * MS, BAND)
    rig.work()
    rig.frame(3, BAND, damaged(3))
    rig.work()
    assert rig.camera.snapshot().reference_age == pytest.approx(0.2)


def test_a_frame_whose_mask_came_late_is_not_counted_as_intact(rig):
    rig.camera.matcher.expected = False
    for index in (2, 3, 4):
        rig.frame(index, pixels=damaged(index))
        rig.work()
        rig.camera.mask(index * 100 * MS, BAND)
    assert rig.counters.passed == {'intact': 2, 'late_mask': 3}
    assert rig.counters.in_flight == 0


def test_a_late_mask_within_the_slop_is_of_its_frame(rig):
    rig.camera.matcher.expected = False
    rig.camera.matcher.slop = 5 * MS
    rig.frame(2, pixels=damaged(2))
    rig.work()
    rig.camera.mask(203 * MS, BAND)
    rig.frame(3, BAND, damaged(3))
    rig.work()
    assert rig.counters.passed == {'intact': 2, 'late_mask': 1}
    assert rig.camera.snapshot().reference_age == pytest.approx(0.2)


def test_a_held_frame_whose_mask_comes_is_counted_as_damaged():
    rig = Rig(max_hold=1.0)
    for index in (0, 1):
        rig.frame(index, NOTHING)
        rig.work()
    rig.frame(2, BAND, damaged(2))
    rig.camera.matcher.expected = False
    rig.frame(3, pixels=damaged(3))  # waits for the restoration of 2
    rig.camera.mask(300 * MS, BAND)
    assert rig.counters.passed == {'intact': 2}
    rig.work()
    assert rig.counters.passed == {'intact': 2, 'late_mask': 1}
    assert rig.numbers == [0, 1, 2, 3]


def test_late_empty_mask_keeps_the_reference(rig):
    rig.camera.matcher.expected = False
    rig.frame(2)
    rig.work()
    rig.camera.mask(200 * MS, NOTHING)
    rig.frame(3, BAND, damaged(3))
    rig.work()
    assert rig.camera.snapshot().reference_age == pytest.approx(0.1)
