# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What becomes of each frame of a camera, with a real restorer and no ROS."""

import numpy as np
import pytest
from support.rig import BAND, damaged, HEIGHT, NOTHING, Rig, view, WIDTH

from siammcvae_core.errors import FrameError
from siammcvae_ros.frame_path.mask_matching import MaskMode
from siammcvae_ros.frame_path.output_queue import CameraFrame
from siammcvae_ros.frame_path.policy import MissingMask, OnFailure


def test_damaged_frame_is_restored_and_kept_pixels_are_exact(rig):
    rig.frame(2, BAND, damaged(2))
    assert rig.numbers == [0, 1]
    rig.work()
    number, restored = rig.out[-1]
    assert number == 2
    np.testing.assert_array_equal(restored.mask, BAND != 0)
    np.testing.assert_array_equal(restored.frame[BAND == 0], view(2)[BAND == 0])
    error = np.abs(restored.frame.astype(int) - view(2))[BAND != 0].mean()
    copied = np.abs(view(1).astype(int) - view(2))[BAND != 0].mean()
    assert error < 0.5 * copied
    assert rig.counters.restored == {'warp': 1}
    assert rig.counters.passed == {'intact': 2}
    assert rig.camera.snapshot().reference_age == pytest.approx(0.1)
    assert rig.camera.snapshot().damage_share == pytest.approx(1 / 3)


def test_damaged_frame_never_becomes_the_reference(rig):
    rig.frame(2, BAND, damaged(2))
    rig.work()
    rig.frame(3, BAND, damaged(3))
    rig.work()
    assert rig.camera.snapshot().reference_age == pytest.approx(0.2)


@pytest.mark.parametrize(
    ('on_failure', 'numbers', 'where'),
    [(OnFailure.PASSTHROUGH, [5], 'passed'), (OnFailure.DROP, [], 'dropped')],
)
def test_without_a_reference(on_failure, numbers, where):
    rig = Rig(on_failure=on_failure)
    rig.frame(5, BAND, damaged(5))
    rig.work()
    assert rig.numbers == numbers
    assert getattr(rig.counters, where) == {'no_reference': 1}


@pytest.mark.parametrize('shape', [(HEIGHT + 1, WIDTH), (HEIGHT, 2 * WIDTH), (5, 1), (1, 1000)])
def test_mask_of_another_size_is_a_named_failure(rig, shape):
    rig.frame(2, np.full(shape, 255, np.uint8))
    rig.work()
    assert rig.counters.passed == {'intact': 2, 'mask_size': 1}
    assert f'mask of {shape[1]}x{shape[0]}' in rig.camera.snapshot().last_error


def test_mask_at_patch_size(rig):
    grid = np.zeros((HEIGHT // 16, WIDTH // 16), np.uint8)
    grid[1] = 1
    rig.frame(2, grid, damaged(2))
    rig.work()
    np.testing.assert_array_equal(rig.out[-1][1].mask, BAND != 0)


def test_unreadable_mask_means_neither_restored_nor_kept(rig):
    rig.frame(2, FrameError('mask_unreadable', 'fault mask: encoding 32FC1'), damaged(2))
    rig.work()
    assert rig.counters.passed == {'intact': 2, 'mask_unreadable': 1}
    rig.frame(3, BAND, damaged(3))
    rig.work()
    assert rig.camera.snapshot().reference_age == pytest.approx(0.2)


@pytest.mark.parametrize(
    ('missing_mask', 'reason', 'age'),
    [(MissingMask.INTACT, 'intact', 0.1), (MissingMask.UNKNOWN, 'mask_missing', 0.2)],
)
def test_missing_mask(rig, missing_mask, reason, age):
    rig.policy.missing_mask = missing_mask
    before = rig.counters.passed[reason]
    rig.frame(2)
    rig.work()
    assert rig.counters.passed[reason] == before + 1
    rig.frame(3, BAND, damaged(3))
    rig.work()
    assert rig.camera.snapshot().reference_age == pytest.approx(age)


@pytest.mark.parametrize(
    ('on_failure', 'numbers'),
    [(OnFailure.PASSTHROUGH, [0, 1, 2, 3]), (OnFailure.DROP, [0, 1, 3])],
)
def test_newest_damaged_frame_supersedes_the_waiting_one(rig, on_failure, numbers):
    rig.policy.on_failure = on_failure
    rig.frame(2, BAND, damaged(2))
    rig.frame(3, BAND, damaged(3))
    rig.work()
    assert rig.numbers == numbers
    assert rig.counters.dropped['superseded'] == (on_failure is OnFailure.DROP)
    assert rig.counters.passed['superseded'] == (on_failure is OnFailure.PASSTHROUGH)


def test_overtaken_frame_is_dropped_without_work(rig):
    rig.frame(2, BAND, damaged(2))
    rig.frame(3, NOTHING)
    rig.work()
    assert rig.numbers == [0, 1, 3]
    assert rig.counters.dropped == {'overtaken': 1}
    assert rig.counters.in_flight == 0


def test_intact_frame_waits_for_the_restoration_when_it_may():
    rig = Rig(max_hold=1.0)
    rig.frame(0, NOTHING)
    rig.work()
    rig.frame(1, BAND, damaged(1))
    rig.frame(2, NOTHING)
    assert rig.numbers == [0]
    assert rig.camera.deadline == pytest.approx(1.2)
    rig.work()
    assert rig.numbers == [0, 1, 2]


def test_frame_that_waits_for_its_mask_goes_on_when_time_is_up():
    rig = Rig(wait=0.5)
    rig.camera.matcher.expected = True
    rig.frame(0)
    assert rig.out == []
    assert rig.camera.deadline == pytest.approx(0.5)
    rig.camera.expire(0.5)
    assert rig.numbers == [0]


def test_time_that_goes_back_is_counted_and_starts_anew(rig):
    rig.frame(0, BAND, damaged(0))
    rig.work()
    assert rig.camera.snapshot().stamp_faults == {'unset': 1, 'jumped_back': 1}
    assert rig.counters.passed == {'intact': 2, 'no_reference': 1}
    rig.frame(1, NOTHING)
    rig.work()
    rig.frame(2, BAND, damaged(2))
    rig.work()
    assert rig.counters.restored.total() == 1


def test_other_frame_size_is_served_after_one_intact_frame(rig):
    wide = np.zeros((HEIGHT, 2 * WIDTH), np.uint8)
    rig.frame(2, np.full(wide.shape, 9, np.uint8), wide)
    rig.work()
    assert rig.counters.restored.total() == 0
    rig.frame(3, np.zeros_like(wide), wide)
    rig.work()
    rig.frame(4, np.full(wide.shape, 9, np.uint8), wide)
    rig.work()
    assert rig.counters.restored == {'copy': 1}


@pytest.mark.parametrize(
    ('reason', 'on_failure', 'where'),
    [
        ('unsupported_encoding', OnFailure.PASSTHROUGH, 'passed'),
        ('unsupported_encoding', OnFailure.DROP, 'dropped'),
        ('malformed_image', OnFailure.PASSTHROUGH, 'dropped'),
        ('empty_image', OnFailure.PASSTHROUGH, 'dropped'),
    ],
)
def test_unreadable_frame(reason, on_failure, where):
    rig = Rig(on_failure=on_failure)
    rig.camera.reject(CameraFrame('message', 0, 0.0), FrameError(reason, 'why'))
    assert getattr(rig.counters, where) == {reason: 1}
    assert rig.camera.snapshot().last_error == 'why'
    assert not rig.camera.has_pending


def test_latched_mask_serves_every_frame(rig):
    rig = Rig(mode=MaskMode.LATCHED)
    rig.frame(0)
    rig.work()
    rig.camera.mask(0, BAND)
    for index in (1, 2):
        rig.frame(index, pixels=damaged(index))
        rig.work()
    rig.camera.mask(0, NOTHING)
    rig.frame(3)
    assert rig.counters.restored.total() == 2
    assert rig.counters.passed == {'intact': 2}


def test_restorer_that_raises_costs_one_frame(rig, monkeypatch):
    def broken(*_):
        raise MemoryError('no room')

    monkeypatch.setattr(rig.camera.restorer, 'restore', broken)
    rig.frame(2, BAND, damaged(2))
    rig.work()
    monkeypatch.undo()
    rig.frame(3, BAND, damaged(3))
    rig.work()
    assert rig.counters.passed == {'intact': 2, 'restore_error': 1}
    assert rig.counters.restored == {'warp': 1}


def test_stop_settles_every_frame(rig):
    rig.camera.output_queue.max_hold = 9.0
    rig.camera.matcher.wait = 9.0
    rig.frame(2, BAND, damaged(2))
    rig.frame(3, NOTHING)
    rig.frame(4)
    rig.camera.stop()
    assert rig.counters.in_flight == 0
    assert rig.counters.dropped == {'deactivated': 3}
    assert not rig.camera.has_pending
