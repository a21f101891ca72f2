# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Encodings: to a core frame and back without touching a kept byte."""

import cv2
import numpy as np
import pytest

from siammcvae_ros.encodings import ENCODINGS, restored_pixels, to_frame

RNG = np.random.default_rng(0)
BLUE_FIRST = {
    'bgr8': [0, 1, 2],
    'rgb8': [2, 1, 0],
    'bgra8': [0, 1, 2],
    'rgba8': [2, 1, 0],
    '8UC3': [0, 1, 2],
}


def pixels_of(encoding, height=5, width=7):
    channels = ENCODINGS[encoding].channels
    shape = (height, width) if channels == 1 else (height, width, channels)
    return RNG.integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize('encoding', BLUE_FIRST)
def test_colour_frame_is_bgr(encoding):
    pixels = pixels_of(encoding)
    np.testing.assert_array_equal(to_frame(pixels, encoding), pixels[..., BLUE_FIRST[encoding]])


@pytest.mark.parametrize('encoding', ['mono8', '8UC1', 'bgr8'])
def test_fitting_layout_is_not_copied(encoding):
    pixels = pixels_of(encoding)
    assert to_frame(pixels, encoding) is pixels


def test_padded_rows_become_contiguous():
    pixels = RNG.integers(0, 256, (5, 32), np.uint8)[:, :21].reshape(5, 7, 3)
    frame = to_frame(pixels, 'bgr8')
    assert frame.flags.c_contiguous
    np.testing.assert_array_equal(frame, pixels)


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_restored_pixels_keep_every_byte_outside_the_mask(encoding):
    pixels = pixels_of(encoding)
    before = pixels.copy()
    mask = RNG.random((5, 7)) < 0.4
    frame = to_frame(pixels, encoding).copy()
    frame[mask] = 77
    out = restored_pixels(pixels, encoding, frame, mask)
    assert out.shape == pixels.shape
    np.testing.assert_array_equal(out[~mask], pixels[~mask])
    np.testing.assert_array_equal(pixels, before)
    colour = out if out.ndim == 2 else out[..., :3]
    assert (colour[mask] == 77).all()
    if ENCODINGS[encoding].channels == 4:
        assert (out[mask][:, 3] == 255).all()


def test_codes_name_opencv_conversions_of_the_right_width():
    for encoding in ENCODINGS.values():
        if encoding.to_bgr is not None:
            sample = np.zeros((2, 2, encoding.channels), np.uint8)
            there = cv2.cvtColor(sample, encoding.to_bgr)
            assert cv2.cvtColor(there, encoding.from_bgr).shape == sample.shape
