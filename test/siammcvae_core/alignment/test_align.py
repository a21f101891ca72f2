# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Alignment on scenes whose motion is known."""

import cv2
import numpy as np
import pytest

from siammcvae_core.alignment.align import align, smooth_fields, solve
from siammcvae_core.motion.flow import working_grey
from siammcvae_core.motion.rectangle import Rectangle
from siammcvae_core.motion.references import ReferenceFrame, STRIDE

STEADY = ((0, 0, 1.0), (4, 0, 1.0))
CHANGES = {
    'none': (8, 0, 1.0), 'turn': (13, 0, 1.0), 'pitch': (8, 5, 1.0), 'zoom': (8, 0, 1.05),
    'swerve': (-4, 3, 1.0),
}  # fmt: skip


def coarse(image):
    return Rectangle.whole(image.shape).reduced(STRIDE)


def aligned(film, references, pose, mask):
    older, newer, now = film(*STEADY, pose)
    pair = references(older, newer)
    visible = (~mask).astype(np.float32)
    grey = np.where(mask, 0, working_grey(now)).astype(np.uint8)
    start = pair.motion.displacement(0.2, coarse(grey))
    window = Rectangle.whole(visible.shape)
    return align(grey, visible, pair.frames[0], start, window, window), start


def true_offset(shape, pose):
    """Displacement of the last frame into the newest reference, as `align` estimates it."""
    y, x = STRIDE * np.mgrid[0 : shape[0], 0 : shape[1]] + (STRIDE - 1) / 2
    centre_x, centre_y = STRIDE * shape[1] / 2, STRIDE * shape[0] / 2
    there_x = (x - centre_x) / pose[2] + pose[0] - STEADY[1][0] + centre_x
    there_y = (y - centre_y) / pose[2] + pose[1] - STEADY[1][1] + centre_y
    return np.dstack([there_x - x, there_y - y])


def median_error(offset, pose):
    error = np.linalg.norm(offset - true_offset(offset.shape[:2], pose), axis=-1)
    return np.median(error[12:-12, 12:-12])


@pytest.mark.parametrize('change', CHANGES)
def test_a_change_of_motion_is_estimated_in_holes_too(film, references, scattered, change):
    pose = CHANGES[change]
    offset, start = aligned(film, references, pose, scattered)
    assert median_error(offset, pose) < 0.15
    if change != 'none':
        assert median_error(start, pose) > 1


def test_a_large_hole_moves_with_what_is_visible_around_it(film, references, scattered):
    band = np.zeros_like(scattered)
    band[48:112] = True
    offset, _ = aligned(film, references, CHANGES['zoom'], band)
    error = np.linalg.norm(offset - true_offset(offset.shape[:2], CHANGES['zoom']), axis=-1)
    assert np.median(error[32:48, 12:-12]) < 0.3


def test_lost_pixels_have_no_influence(film, references, scattered):
    older, newer, now = film(*STEADY, CHANGES['turn'])
    pair = references(older, newer)
    visible = (~scattered).astype(np.float32)
    rng = np.random.default_rng(0)
    grey = working_grey(now)
    start = pair.motion.displacement(0.2, coarse(grey))
    offsets = []
    for _ in range(2):
        noise = rng.integers(0, 256, grey.shape, np.uint8)
        damaged = cv2.copyTo(noise, scattered.view(np.uint8), grey.copy())
        window = Rectangle.whole(visible.shape)
        offsets.append(align(damaged, visible, pair.frames[0], start, window, window))
    # Where arrays lie in memory decides how the last bit is rounded.
    np.testing.assert_allclose(*offsets, atol=5e-6)


def test_with_nothing_visible_the_start_is_returned(film, references, scattered):
    offset, start = aligned(film, references, CHANGES['turn'], np.ones_like(scattered))
    np.testing.assert_array_equal(offset, start)


def test_uniform_frames_leave_the_start():
    grey = np.full((64, 96), 90, np.uint8)
    visible = np.ones((64, 96), np.float32)
    start = np.full((32, 48, 2), 0.5, np.float32)
    window = Rectangle.whole(visible.shape)
    offset = align(grey, visible, ReferenceFrame(grey, 0.0), start, window, window)
    np.testing.assert_array_equal(offset, start)


def test_smooth_fields_are_the_motions_of_a_camera():
    fields = smooth_fields(np.ones((6, 8, 2), np.float32))
    assert fields.shape == (9, 6, 8, 2)
    np.testing.assert_array_equal(fields[0], np.broadcast_to([1, 0], (6, 8, 2)))
    roll = fields[2]
    np.testing.assert_allclose(roll[::-1, ::-1], -roll, atol=1e-6)
    assert (np.sign(fields[3][0, 0]) == [-1, -1]).all()


def test_regularisation_shortens_the_solution():
    equations = np.float32([4, 0, 1, 8, 3]).reshape(1, 1, 5)
    np.testing.assert_allclose(solve(equations, 0.0)[0, 0], [2, 3])
    np.testing.assert_allclose(solve(equations, 4.0)[0, 0], [1, 0.6], rtol=1e-6)
