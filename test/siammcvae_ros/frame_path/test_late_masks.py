# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masks that come late, twice or for no frame: what they say of frames reaches the counters."""

from dataclasses import replace

import numpy as np
import pytest
from support.rig import BAND, MS, NOTHING, view

from siammcvae_core.errors import FrameError
from siammcvae_ros.bridge.camera_state import camera_state, SubscriptionStatus
from siammcvae_ros.frame_path.late_masks import unite
from siammcvae_ros.frame_path.output_queue import CameraFrame

LOW = np.zeros_like(BAND)
LOW[40:] = 1
GRID = np.array([[0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]], np.uint8)  # cells of 16 pixels
ERROR = FrameError('mask_unreadable', 'no image')


def state_since(rig, before):
    subscription = SubscriptionStatus('/front/image_raw', 1, '')
    return camera_state(
        replace(rig.camera.snapshot(), since_last_frame=0.0), before, subscription, 9
    )


@pytest.mark.parametrize('second', [LOW, GRID, ERROR, np.ones((7, 5), np.uint8)])
def test_a_restored_frame_that_had_lost_more_is_counted(rig, second):
    rig.frame(2, BAND)
    rig.work()
    before = rig.camera.snapshot()
    rig.camera.mask(200 * MS, second)
    assert rig.counters.incomplete == 1
    assert rig.counters.restored.total() == 1
    assert state_since(rig, before).name == 'degraded'


@pytest.mark.parametrize('second', [BAND, BAND // 2, NOTHING, BAND[8::16, 8::16].copy()])
def test_a_mask_that_says_nothing_new_is_no_trouble(rig, second):
    rig.frame(2, BAND)
    rig.work()
    before = rig.camera.snapshot()
    rig.camera.mask(200 * MS, second)
    assert rig.counters.incomplete == 0
    assert state_since(rig, before).name == 'ok'


def test_what_was_restored_too_little_is_not_restored_from(rig):
    for index, late in ((2, LOW), (3, NOTHING)):
        rig.frame(index, BAND)
        rig.work()
        rig.camera.mask(index * 100 * MS, late)
        rig.work()
        assert (rig.camera.restorer._recurrent is None) == late.any()


@pytest.mark.parametrize('masks', [(BAND, NOTHING), (NOTHING, BAND), (BAND, LOW), (GRID, BAND)])
def test_masks_of_one_frame_are_united(rig, masks):
    for mask in masks:
        rig.camera.mask(200 * MS, mask)
    rig.frame(2)
    rig.work()
    restored = rig.out[-1][1].mask
    for mask in masks:
        assert restored[np.kron(mask, np.ones((16, 16))) != 0 if mask is GRID else mask != 0].all()


def test_an_unreadable_mask_is_not_replaced_by_an_empty_one():
    assert unite(ERROR, NOTHING) is unite(NOTHING, ERROR) is ERROR
    assert unite(np.ones((7, 5), np.uint8), NOTHING).reason == 'mask_size'


@pytest.mark.parametrize('stamp', [-50, 50, 10**15])
def test_one_mask_that_fits_no_frame_reaches_the_state(rig, stamp):
    before = rig.camera.snapshot()
    rig.camera.mask(200 * MS + stamp, BAND)
    for index in range(2, 2 + rig.camera.matcher.HISTORY):
        rig.frame(index, NOTHING, view(0))
    assert rig.camera.snapshot().masks.unused_damaged == 1
    assert state_since(rig, before).name == 'unmatched_masks'


def test_a_mask_long_before_its_frame_is_of_that_frame(rig):
    rig.camera.mask(5000 * MS, BAND)
    for index in range(2, 51):
        rig.frame(index, NOTHING)
    rig.work()
    rig.frame(50)
    rig.work()
    assert rig.counters.restored.total() == 1


def test_held_frames_leave_by_the_patience_in_force(rig):
    rig.camera.output_queue.max_hold = 1.0
    rig.frame(2, BAND)
    rig.frame(3, NOTHING)  # waits for the restoration of 2
    assert rig.camera.deadline == pytest.approx(1.3)
    rig.camera.output_queue.max_hold = 0.01
    assert rig.camera.deadline == pytest.approx(0.31)
    rig.camera.expire(0.3101)
    assert rig.numbers == [0, 1, 3]


def test_waiting_frames_leave_by_the_wait_in_force(rig):
    rig.camera.matcher.wait = 10.0
    rig.camera.receive(CameraFrame(2, 200 * MS, 0.2, view(2), 'mono8'))
    rig.camera.matcher.wait = 0.05
    assert rig.camera.deadline == pytest.approx(0.25)
    rig.camera.expire(0.25)
    assert rig.numbers == [0, 1, 2]
