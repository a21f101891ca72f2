# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rectangles: their edges at every resolution, and the pixels they cut, warp and interpolate."""

import cv2
import numpy as np
import pytest

from siammcvae_core.motion.rectangle import Rectangle
from siammcvae_core.motion.warp import warp

SIZE = (240, 480)
PART = Rectangle(48, 144, 128, 128, SIZE)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, SIZE, np.uint8)


def test_it_encloses_set_pixels_and_a_margin_within_the_image():
    mask = np.zeros((15, 30), bool)
    mask[6:8, 12:14] = True
    assert Rectangle.around(mask, 3) == Rectangle(3, 9, 8, 8, (15, 30))
    assert Rectangle.around(mask, 3).enlarged(16) == PART
    mask[-1, -1] = mask[0, 0] = True
    assert Rectangle.around(mask, 3) == Rectangle.whole(mask.shape)


def test_reduced_and_within_another():
    assert (PART.bottom, PART.right, PART.shape) == (176, 272, (128, 128))
    assert PART.within(Rectangle(32, 128, 208, 352, SIZE)) == Rectangle(
        16, 16, 128, 128, (208, 352)
    )
    assert PART.reduced(4) == Rectangle(12, 36, 32, 32, (60, 120))
    assert PART.reduced(4).enlarged(4) == PART


@pytest.mark.parametrize('stride', [1, 2])
def test_pixels_are_those_of_the_cut(image, stride):
    cut = PART.cut(image, stride)
    np.testing.assert_array_equal(cut, image[48:176:stride, 144:272:stride])
    still, pixels = np.zeros((*cut.shape, 2), np.float32), PART.pixels(stride)
    np.testing.assert_array_equal(warp(image, still, pixels), cut)
    shifted = PART.cut(np.roll(image, -3, 1), stride)
    np.testing.assert_array_equal(warp(image, still + np.float32([3, 0]), pixels), shifted)


def test_what_is_put_is_what_is_cut(image):
    copy = np.zeros_like(image)
    PART.put(PART.cut(image), copy)
    np.testing.assert_array_equal(PART.cut(copy), PART.cut(image))
    assert np.count_nonzero(copy) <= 128 * 128


PARTS = Rectangle(40, 70, 90, 110, (300, 500)), Rectangle(0, 9, 8, 9, (300, 500))


@pytest.mark.parametrize('part', PARTS)
def test_interpolated_fields_are_a_part_of_the_resized_field(part):
    field = np.random.default_rng(0).random((24, 40)).astype(np.float32)
    whole = cv2.resize(field, (500, 300))
    np.testing.assert_allclose(part.interpolate(field), part.cut(whole), atol=2e-2)
    np.testing.assert_array_equal(Rectangle.whole((300, 500)).interpolate(field), whole)
