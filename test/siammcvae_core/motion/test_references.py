# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Motion continued from the references, on scenes whose motion is known."""

import gc

import cv2
import numpy as np
import pytest

from siammcvae_core.metrics import psnr
from siammcvae_core.motion.references import MAX_AGE_RATIO, ReferenceFrame, REFERENCES, References

MARGIN = 64


def moving_texture(size, velocity, stamps, channels=3):
    """Frames of a textured plane that moves by `velocity` (x, y) pixels a second."""
    rng = np.random.default_rng(5)
    height, width = size
    shape = (height + 2 * MARGIN, width + 2 * MARGIN)
    texture = np.zeros((*shape, channels), np.float32)
    for sigma in (3, 10, 30):
        noise = rng.standard_normal((*shape, channels)).astype(np.float32)
        texture += sigma * cv2.GaussianBlur(noise, (0, 0), sigma).reshape(texture.shape)
    texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    frames = []
    for stamp in stamps:
        x, y = (MARGIN - stamp * speed for speed in velocity)
        shift = np.float32([[1, 0, x], [0, 1, y]])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        frames.append(cv2.warpAffine(texture, shift, (width, height), flags=flags))
    return frames


def motion_of(frames, stamps):
    return References(tuple(map(ReferenceFrame, frames[::-1], stamps[::-1]))).motion


def inner(frame, margin=MARGIN):
    """Leave out the rim, where the scene enters the picture."""
    return frame[margin:-margin, margin:-margin]


@pytest.mark.parametrize(
    ('size', 'channels'),
    [
        ((360, 640), 3),
        ((360, 640), 1),
        ((720, 1280), 3),
        ((1080, 1920), 1),
        ((375, 1242), 3),
        ((603, 966), 3),
        ((640, 360), 1),
    ],
)
def test_constant_velocity_predicts_steady_motion(size, channels):
    stamps = 0.0, 0.1, 0.2
    older, newer, truth = moving_texture(size, (40, -25), stamps, channels)
    restored = motion_of((older, newer), stamps[:2]).warp(0.2, np.ones(size, bool))
    assert restored.shape == truth.shape
    assert restored.dtype == np.uint8
    assert psnr(inner(restored), inner(truth)) > psnr(inner(newer), inner(truth)) + 8
    assert psnr(inner(restored), inner(truth)) > 36


@pytest.mark.parametrize(
    'stamps', [(0.0, 0.1, 0.13), (0.0, 0.05, 0.3), (0.0, 0.2, 0.3), (100.0, 100.1, 100.3)]
)
def test_distance_follows_the_stamps_not_the_count_of_frames(stamps):
    start = stamps[0]
    frames = moving_texture((240, 320), (50, 20), [stamp - start for stamp in stamps])
    motion = motion_of(frames[:2], stamps[:2])
    restored = motion.warp(stamps[2], np.ones((240, 320), bool))
    assert psnr(inner(restored), inner(frames[2])) > 36


def test_displacements_point_to_where_the_content_was():
    older, newer, _ = moving_texture((240, 320), (50, 20), (0.0, 0.1, 0.2))
    motion = motion_of((older, newer), (0.0, 0.1))
    np.testing.assert_allclose(np.median(motion.flow, (0, 1)), (-5, -2), atol=0.05)
    np.testing.assert_allclose(np.median(motion.displacement(0.3), (0, 1)), (-10, -4), atol=0.1)
    assert motion.age_ratio(0.3) == pytest.approx(2)


def test_displacements_are_in_working_pixels_of_a_large_frame():
    older, newer = moving_texture((720, 1280), (60, 20), (0.0, 0.1))
    motion = motion_of((older, newer), (0.0, 0.1))
    assert motion.flow.shape == (368, 640, 2)
    np.testing.assert_allclose(np.median(motion.flow, (0, 1)), (-3, -1), atol=0.05)


def test_a_moving_object_moves_and_the_still_ground_stays():
    (ground,) = moving_texture((240, 320), (0, 0), (0.0,))
    (car,) = moving_texture((90, 90), (0, 0), (0.0,))
    frames = []
    for left in (60, 65, 70):
        frames.append(ground.copy())
        frames[-1][80:170, left : left + 90] = 255 - car
    restored = motion_of(frames[:2], (0.0, 0.1)).warp(0.2, np.ones((240, 320), bool))
    body, away = np.zeros((2, 240, 320), bool)
    body[85:165, 80:150] = away[:60] = away[190:] = True
    assert psnr(restored, frames[2], body) > psnr(frames[1], frames[2], body) + 6
    assert psnr(restored, frames[2], away) > 45


def test_displacement_stops_growing_at_the_largest_age_ratio():
    older, newer = moving_texture((240, 320), (10, 0), (0.0, 0.1))
    motion = motion_of((older, newer), (0.0, 0.1))
    largest, later = (motion.displacement(0.1 + 0.1 * MAX_AGE_RATIO * k) for k in (1, 3))
    np.testing.assert_allclose(largest, later, atol=1e-3)
    assert np.median(largest[..., 0]) == pytest.approx(-MAX_AGE_RATIO, abs=0.3)


def shaking_car(lefts):
    """Frames of a car, at the pixels `lefts` from the left, before a still ground."""
    (ground,) = moving_texture((240, 320), (0, 0), (0.0,))
    (car,) = moving_texture((90, 90), (0, 0), (0.0,))
    frames = []
    for left in lefts:
        frames.append(ground.copy())
        frames[-1][80:170, left : left + 90] = 255 - car
    return frames


def test_the_mean_of_the_last_steps_goes_along_the_path_of_what_moves():
    # Its steps are 8 and 4 px: each point goes on with 6, wherever it is in the picture.
    stamps = 0.0, 0.1, 0.2
    *known, truth = shaking_car((60, 68, 72, 90))
    both, newest_alone = motion_of(known, stamps), motion_of(known[1:], stamps[1:])
    everything, body = np.ones((240, 320), bool), np.zeros((240, 320), bool)
    body[85:165, 95:175] = True
    along, one_step = (m.warp(0.5, everything) for m in (both, newest_alone))
    assert psnr(along, truth, body) > psnr(one_step, truth, body) + 4
    np.testing.assert_allclose(np.median(both.displacement(0.5)[85:165, 95:175, 0]), -18, atol=0.5)


def test_the_next_frame_continues_the_newest_step_alone():
    known = shaking_car((60, 68, 72))
    both, newest_alone = motion_of(known, (0.0, 0.1, 0.2)), motion_of(known[1:], (0.1, 0.2))
    np.testing.assert_array_equal(both.displacement(0.3), newest_alone.displacement(0.3))


@pytest.mark.parametrize('stamps', [(0.1, 0.1, 0.2), (0.15, 0.1, 0.2), (-0.4, 0.1, 0.2)])
def test_an_older_frame_out_of_step_is_not_used(stamps):
    known = shaking_car((60, 68, 72))
    both, newest_alone = motion_of(known, stamps), motion_of(known[1:], stamps[1:])
    np.testing.assert_array_equal(both.displacement(0.5), newest_alone.displacement(0.5))


def test_a_flow_is_kept_with_its_frame_and_goes_with_the_older_one():
    frames = [ReferenceFrame(frame, 0.1 * k) for k, frame in enumerate(shaking_car((60, 68, 72)))]
    references = References()
    for frame in frames:
        references = references.with_newest(frame)
    assert references.frames == tuple(frames[::-1])[:REFERENCES]
    flow = frames[1].flow_to(frames[0])
    assert frames[1].flow_to(frames[0]) is flow
    assert len(references.with_newest(ReferenceFrame(frames[0].frame, 1.0)).frames) == REFERENCES
    newer = frames[1]
    del frames[0], frame, references
    gc.collect()
    assert not newer._flows


def test_equal_frames_stay_as_they_are():
    (frame,) = moving_texture((240, 320), (0, 0), (0.0,))
    restored = motion_of((frame, frame.copy()), (0.0, 0.1)).warp(0.5, np.ones((240, 320), bool))
    np.testing.assert_array_equal(restored, frame)


@pytest.mark.parametrize('size', [(360, 640), (720, 1280), (375, 1242), (603, 966)])
@pytest.mark.parametrize('box', [(0, 5, 0, 7), (17, 90, 30, 301), (-3, None, -9, None)])
def test_warping_the_lost_box_equals_warping_the_whole(size, box):
    older, newer = moving_texture(size, (40, -25), (0.0, 0.1))
    motion = motion_of((older, newer), (0.0, 0.1))
    mask = np.zeros(size, bool)
    mask[box[0] : box[1], box[2] : box[3]] = True
    whole = motion.warp(0.2, np.ones(size, bool))
    part = motion.warp(0.2, mask)
    np.testing.assert_allclose(part[mask].astype(int), whole[mask], atol=1)  # SIMD may round apart


@pytest.mark.parametrize(
    'size', [(1, 1), (1, 640), (640, 1), (3, 5), (11, 200), (15, 640), (16, 16), (20, 2000)]
)
def test_tiny_and_thin_frames_have_motion_too(size):
    older, newer = np.random.default_rng(2).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    restored = motion_of((older, newer), (0.0, 0.1)).warp(0.2, np.ones(size, bool))
    assert restored.shape == newer.shape


@pytest.mark.parametrize('stamps', [(0.1,), (0.1, 0.1), ()])
def test_no_motion_without_two_moments(stamps):
    frame = np.zeros((40, 40), np.uint8)
    assert References(tuple(ReferenceFrame(frame, stamp) for stamp in stamps)).motion is None


def test_residual_is_low_only_where_motion_explains_the_change():
    older, newer = moving_texture((240, 320), (50, 20), (0.0, 0.1))
    flash = slice(100, 130), slice(100, 130)
    newer[flash] = np.random.default_rng(1).integers(0, 256, (30, 30, 3), dtype=np.uint8)
    residual = motion_of((older, newer), (0.0, 0.1)).residual()
    assert residual[170:].mean() < 3
    assert residual[flash].mean() > 20
