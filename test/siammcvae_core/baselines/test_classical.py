# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The classical baselines: what they take from the references and what they leave alone."""

import cv2
import numpy as np
import pytest

from siammcvae_core.baselines import classical
from siammcvae_core.metrics import psnr
from siammcvae_core.motion.references import ReferenceFrame, References

SIZE = (160, 240)
LOST = np.random.default_rng(1).random(SIZE) < 0.5


def drive(count=3, step=4):
    height, width = SIZE
    wide = (height, width + step * count, 3)
    noise = np.random.default_rng(0).standard_normal(wide).astype(np.float32)
    texture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX)
    texture = texture.astype(np.uint8)
    return [np.ascontiguousarray(texture[:, step * i : step * i + width]) for i in range(count)]


def kept(frames, stamps=(0.0, 0.1)):
    return References(tuple(map(ReferenceFrame, frames[1::-1], stamps[::-1])))


def test_copy_is_the_newest_kept_frame():
    frames = drive()
    np.testing.assert_array_equal(classical.copy(kept(frames), frames[2], LOST, 0.2), frames[1])


def test_const_velocity_is_near_exact_for_steady_motion():
    frames = drive()
    restored = classical.const_velocity(kept(frames), frames[2], LOST, 0.2)
    assert psnr(restored, frames[2], LOST) > psnr(frames[1], frames[2], LOST) + 8


def test_const_velocity_without_motion_is_refused():
    frames = drive()
    with pytest.raises(ValueError, match='two references'):
        classical.const_velocity(kept(frames, (0.1, 0.1)), frames[2], LOST, 0.2)


@pytest.mark.parametrize('baseline', [classical.copy, classical.const_velocity])
def test_baselines_leave_frames_as_they_are_and_ignore_the_damaged_one(baseline):
    frames = drive()
    before = [frame.copy() for frame in frames]
    made = baseline(kept(frames), frames[2], LOST, 0.2)[LOST]
    np.testing.assert_array_equal(baseline(kept(frames), 255 - frames[2], LOST, 0.2)[LOST], made)
    np.testing.assert_array_equal(frames, before)
