# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Encodings: to a core frame and back without changing an intact byte."""

import cv2
import numpy as np
import pytest

from siammcvae_core.data.encodings import ENCODINGS, restored_pixels, to_frame

RNG = np.random.default_rng(0)
BLUE_FIRST = {
    'bgr8': [0, 1, 2],
    'rgb8': [2, 1, 0],
    'bgra8': [0, 1, 2],
    'rgba8': [2, 1, 0],
    '8UC3': [0, 1, 2],
}


YUV422 = {'yuv422': 'UYVY', 'uyvy': 'UYVY', 'yuv422_yuy2': 'YUYV', 'yuyv': 'YUYV'}
BAYER = [encoding for encoding in ENCODINGS if encoding.startswith('bayer_')]


def pixels_of(encoding, height=5, width=8):
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
    mask = RNG.random((5, 8)) < 0.4
    frame = to_frame(pixels, encoding).copy()
    frame[mask] = 77
    out = restored_pixels(pixels, encoding, frame, mask)
    assert out.shape == pixels.shape
    np.testing.assert_array_equal(out[~mask], pixels[~mask])
    np.testing.assert_array_equal(pixels, before)
    if encoding in YUV422:
        assert (out[mask][:, YUV422[encoding].index('Y')] == 82).all()  # 77 * 219 / 255 + 16
    else:
        colour = out if out.ndim == 2 else out[..., :3]
        assert (colour[mask] == 77).all()
    if ENCODINGS[encoding].channels == 4:
        assert (out[mask][:, 3] == 255).all()


def test_codes_name_opencv_conversions_of_the_right_width():
    for encoding in ENCODINGS.values():
        if encoding.from_bgr is not None:
            sample = np.zeros((2, 2, encoding.channels), np.uint8)
            there = cv2.cvtColor(sample, encoding.to_bgr)
            assert cv2.cvtColor(there, encoding.from_bgr).shape == sample.shape


def bayer_of(frame, encoding):
    """Let a sensor of that pattern see a frame: the names say the colours of its first two rows."""
    pattern = encoding[len('bayer_') : -1]
    seen = np.empty(frame.shape[:2], np.uint8)
    for place, colour in enumerate(pattern):
        rows, columns = slice(place // 2, None, 2), slice(place % 2, None, 2)
        seen[rows, columns] = frame[rows, columns, 'bgr'.index(colour)]
    return seen


@pytest.mark.parametrize('encoding', BAYER)
@pytest.mark.parametrize('colour', [(200, 0, 0), (0, 200, 0), (0, 0, 200), (30, 90, 160)])
def test_bayer_pattern_is_the_one_it_is_named_after(encoding, colour):
    frame = np.full((7, 9, 3), colour, np.uint8)
    np.testing.assert_array_equal(to_frame(bayer_of(frame, encoding), encoding), frame)


@pytest.mark.parametrize('encoding', BAYER)
def test_lost_bayer_samples_get_the_colour_of_their_place(encoding):
    pixels = pixels_of(encoding, 7, 9)
    frame = RNG.integers(0, 256, (7, 9, 3), np.uint8)
    mask = RNG.random((7, 9)) < 0.4
    out = restored_pixels(pixels, encoding, frame, mask)
    np.testing.assert_array_equal(out, np.where(mask, bayer_of(frame, encoding), pixels))


def yuv422_of(layout, luma, u, v):
    """Pack one pair of pixels for each pair of columns of `luma` (H, W)."""
    pair = {'U': np.full_like(luma[:, ::2], u), 'V': np.full_like(luma[:, ::2], v)}
    first, second = luma[:, ::2], luma[:, 1::2]
    parts = [first, second]
    planes = [parts.pop(0) if letter == 'Y' else pair[letter] for letter in layout]
    return np.stack(planes, -1).reshape(*luma.shape, 2)


@pytest.mark.parametrize(('encoding', 'layout'), YUV422.items())
@pytest.mark.parametrize(
    ('yuv', 'bgr'),
    [
        ((16, 128, 128), (0, 0, 0)),
        ((235, 128, 128), (255, 255, 255)),
        ((81, 90, 240), (0, 0, 255)),
        ((41, 240, 110), (255, 0, 0)),
    ],
)
def test_yuv422_is_bt601(encoding, layout, yuv, bgr):
    luma = np.full((3, 6), yuv[0], np.uint8)
    pixels = yuv422_of(layout, luma, *yuv[1:])
    frame = to_frame(pixels, encoding)
    assert np.abs(frame.astype(int) - bgr).max() <= 2
    back = restored_pixels(np.zeros_like(pixels), encoding, frame, np.ones((3, 6), bool))
    assert np.abs(back.astype(int) - pixels).max() <= 1


@pytest.mark.parametrize(('encoding', 'layout'), YUV422.items())
def test_shared_chroma_is_kept_for_the_sake_of_one_kept_pixel(encoding, layout):
    pixels = yuv422_of(layout, np.full((1, 8), 50, np.uint8), 60, 70)
    frame = np.zeros((1, 8, 3), np.uint8)
    frame[:, 6] = 255  # black and white make grey: chroma 128
    mask = np.array([[False, False, True, False, False, True, True, True]])
    out = restored_pixels(pixels, encoding, frame, mask)
    packed = [dict(zip(('Y', *'UV'), (50, 60, 70), strict=True)) for _ in range(4)]
    packed[3].update(U=128, V=128)
    lumas = iter([50, 50, 16, 50, 50, 16, 235, 16])
    expected = [
        next(lumas) if letter == 'Y' else pair[letter] for pair in packed for letter in layout
    ]
    assert out.reshape(-1).tolist() == expected


def test_chroma_of_a_lost_pair_is_the_mean_of_both_pixels():
    frame = np.array([[(255, 0, 0), (0, 0, 255)]], np.uint8)
    out = restored_pixels(np.zeros((1, 2, 2), np.uint8), 'uyvy', frame, np.ones((1, 2), bool))
    np.testing.assert_allclose(out.reshape(-1), [165, 41, 175, 82], atol=1)


@pytest.mark.parametrize(('encoding', 'width'), [('uyvy', 16), ('bayer_rggb8', 8)])
def test_padded_rows_are_converted_as_unpadded_ones(encoding, width):
    channels = ENCODINGS[encoding].channels
    rows = RNG.integers(0, 256, (6, width + 5), np.uint8)[:, :width]
    padded = rows if channels == 1 else rows.reshape(6, -1, channels)
    frame = to_frame(padded, encoding)
    assert frame.flags.c_contiguous
    np.testing.assert_array_equal(frame, to_frame(np.ascontiguousarray(padded), encoding))
