# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stamps that are unset or stand still: frames are restored, no longer than allowed."""

import numpy as np
import pytest
from support.rig import BAND, MS, NOTHING, Rig, view

from siammcvae_ros.frame_path.mask_matching import MaskMode
from siammcvae_ros.frame_path.output_queue import CameraFrame

STANDING = (0, 1_700_000_000 * 1000 * MS)


def send(rig, index, stamp, mask):
    """Send a frame 0.1 s after the one before, with its mask just before it."""
    pixels = np.where(mask != 0, 0, view(index)).astype(np.uint8)
    rig.camera.mask(stamp, mask)
    rig.camera.receive(CameraFrame(index, stamp, index * 0.1, pixels, 'mono8'))
    rig.work()


@pytest.mark.parametrize('stamp', STANDING)
@pytest.mark.parametrize('mode', [MaskMode.PER_FRAME, MaskMode.LATCHED])
def test_frames_are_restored_and_age_by_arrival(stamp, mode):
    rig = Rig(mode)
    for index in range(30):
        send(rig, index, stamp, BAND if index > 3 else NOTHING)
    assert rig.counters.restored.total() == 10  # max_reference_age is 1 s
    assert rig.counters.passed == {'intact': 4, 'reference_too_old': 16}
    fault = 'repeated' if stamp else 'unset'
    assert rig.camera.snapshot().stamp_faults[fault] >= 29


@pytest.mark.parametrize('stamp', STANDING)
def test_one_mask_among_frames_without_is_of_the_next_frame(stamp):
    rig = Rig()
    for index in range(6):
        rig.camera.receive(CameraFrame(index, stamp, index * 0.1, view(index), 'mono8'))
        rig.work()
    send(rig, 6, stamp, BAND)
    assert rig.counters.restored.total() == 1
    assert rig.counters.passed['intact'] == 6


def test_nothing_is_concealed_where_no_stamp_can_be_foretold():
    rig = Rig(conceal_missing=True)
    for index in range(8):
        send(rig, index, 0, NOTHING)
    rig.camera.expire(60.0)
    assert rig.counters.concealed == 0


def test_stamps_that_crawl_do_not_prolong_what_is_restored():
    rig = Rig()
    for index in range(30):  # 0.1 s apart, but stamped 1 ms apart
        send(rig, index, (1000 + index) * MS, BAND if index > 3 else NOTHING)
    assert rig.counters.restored.total() == 10
    assert rig.counters.passed['reference_too_old'] == 16
