# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The composite at native size, and its expected error."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from siammcvae_core.alignment.composite import (
    CANDIDATES,
    COLOUR_UNIT,
    composite,
    expected_error,
    Prediction,
    SMOOTH,
)
from siammcvae_core.alignment.features import AlignmentFeatures
from siammcvae_core.motion.references import ReferenceFrame, References, STRIDE
from siammcvae_core.motion.warp import warp_frame

SHAPE = (96, 160)
COARSE = (SHAPE[0] // STRIDE, SHAPE[1] // STRIDE)
CELLS = (24, 40)


def predict(only='warped', correction=(0, 0), colour=(0, 0, 0), error=1.0):
    weights = np.zeros((len(CANDIDATES), *CELLS), np.float32)
    weights[CANDIDATES.index(only)] = 1
    planes = np.ones((2, *CELLS), np.float32) * np.float32(correction)[:, None, None]
    colours = np.ones((3, *CELLS), np.float32) * np.float32(colour)[:, None, None]
    return Prediction(planes, weights, colours, np.full(CELLS, np.log(error), np.float32))


def unmoved():
    zero, nothing = np.zeros((*COARSE, 2), np.float32), np.zeros((1, *CELLS), np.float32)
    damaged, lost = np.zeros((*SHAPE, 3), np.uint8), np.zeros((6, 10), bool)
    return AlignmentFeatures(zero, nothing, damaged, lost, np.arange(60))


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 200, (2, *SHAPE, 3), np.uint8)
    frames = [cv2.GaussianBlur(frame, (0, 0), 3) for frame in noise]
    return References((ReferenceFrame(frames[0], 1.0), ReferenceFrame(frames[1], 0.9)))


def box_mask():
    mask = np.zeros(SHAPE, bool)
    mask[17:53, 30:111] = True
    return mask


@pytest.mark.parametrize('only', ['warped', 'copy'])
def test_a_candidate_of_weight_one_is_copied(pair, only):
    mask = box_mask()
    restored = composite(pair, unmoved(), predict(only), mask)
    np.testing.assert_array_equal(restored[mask], pair.frames[0].frame[mask])


@pytest.mark.parametrize('only', SMOOTH)
@pytest.mark.parametrize('corner', [(0, 0), (17, 30), (60, 95)])
def test_smoothed_candidates_are_those_of_the_whole_frame_whatever_the_hole(pair, only, corner):
    mask = np.zeros(SHAPE, bool)
    mask[corner[0] : corner[0] + 36, corner[1] : corner[1] + 65] = True
    restored = composite(pair, unmoved(), predict(only), mask)
    kernel = np.ones(SMOOTH[only][::-1]) / np.prod(SMOOTH[only])
    expected = cv2.filter2D(
        pair.frames[0].frame.astype(float), -1, kernel, borderType=cv2.BORDER_REPLICATE
    )
    assert np.abs(restored[mask] - expected[mask]).max() <= 1


def test_the_warped_reference_stays_sharp_between_pixels():
    noise = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), np.uint8)
    fine = cv2.resize(cv2.GaussianBlur(noise, (0, 0), 1.2), None, fx=2, fy=2)
    frame, half_on = fine[::2, ::2].copy(), fine[::2, 1::2]
    pair = References((ReferenceFrame(frame, 1.0), ReferenceFrame(frame, 0.9)))
    mask = box_mask()
    bicubic = composite(pair, unmoved(), predict(correction=(0.5, 0)), mask)
    bilinear = warp_frame(frame, np.full((*SHAPE, 2), (0.5, 0), np.float32), mask)
    errors = [np.square(image[mask] - half_on[mask] * 1.0).mean() for image in (bicubic, bilinear)]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize('scale', [1, 3])
def test_corrections_are_in_working_pixels(scale):
    frame = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), np.uint8)
    native = frame.repeat(scale, 0).repeat(scale, 1)
    pair = References((ReferenceFrame(native, 1.0), ReferenceFrame(native, 0.9)))
    mask = np.zeros(native.shape[:2], bool)
    mask[20 * scale : 60 * scale, 20 * scale : 90 * scale] = True
    restored = composite(pair, unmoved(), predict(correction=(5, -2)), mask)
    shifted = np.roll(native, (2 * scale, -5 * scale), (0, 1))
    np.testing.assert_array_equal(restored[mask], shifted[mask])


def test_colour_is_added_and_limited_to_what_pixels_hold(pair):
    mask = box_mask()
    before = pair.frames[0].frame[mask].astype(int)
    for units in (2, -60, 60):
        restored = composite(pair, unmoved(), predict(colour=(units, 0, 0)), mask)[mask].astype(int)
        expected = np.clip(before[:, 0] + units * COLOUR_UNIT, 0, 255)
        np.testing.assert_array_equal(restored[:, 0], expected)
        np.testing.assert_array_equal(restored[:, 1:], before[:, 1:])


def test_grey_frames(pair):
    mask = box_mask()
    grey = np.ascontiguousarray(pair.frames[0].frame[..., 0])
    references = References((ReferenceFrame(grey, 1.0), ReferenceFrame(grey, 0.9)))
    restored = composite(references, unmoved(), predict(colour=(3, 3, 3)), mask)
    np.testing.assert_array_equal(restored[mask], grey[mask] + int(3 * COLOUR_UNIT))


def test_expected_error_is_in_grey_levels_where_lost():
    mask = box_mask()
    error = expected_error(unmoved(), predict(error=7.5), mask)
    np.testing.assert_allclose(error[mask], 7.5, rtol=1e-5)
    assert not error[~mask].any()


def test_the_error_of_a_restored_reference_is_warped_with_it():
    mask, before = box_mask(), np.zeros(SHAPE, np.float32)
    before[30:40, 60:80] = 4
    features = replace(unmoved(), aligned=np.full((*COARSE, 2), (10, 0), np.float32))
    error = expected_error(features, predict(error=3), mask, before)
    np.testing.assert_allclose(error[32:38, 52:68], 5, rtol=1e-5)
    np.testing.assert_allclose(error[30:40, 72:100], 3, rtol=1e-5)
