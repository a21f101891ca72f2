# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compressed images: what is in them comes out, and what they claim hurts nobody."""

from pathlib import Path
import resource
import struct
import zlib

import cv2
import numpy as np
import pytest

from siammcvae_core.data.compressed_images import (
    decode_image,
    encode_png,
    is_cut_png,
    is_turned,
    JPEG,
    LARGEST,
    PNG,
)
from siammcvae_core.data.masks import picture_mask
from siammcvae_core.data.pictures import read_picture
from siammcvae_core.errors import FrameError
from siammcvae_core.simulation.drive import DriveSim

COLOUR = DriveSim((96, 64)).render(0)
GREY = np.ascontiguousarray(COLOUR[..., 1])
HUGE = struct.pack('>II', 2**31 - 1, 2**31 - 1)


def encoded(pixels, extension='.png'):
    return cv2.imencode(extension, pixels)[1].tobytes()


def png(beginning, size, *chunks):
    """Put a PNG together by hand."""
    chunks = ((b'IHDR', size + bytes([8, 0, 0, 0, 0])), *chunks, (b'IEND', b''))
    return beginning + b''.join(
        struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))
        for name, data in chunks
    )


def claiming(data, size):
    """Change the size that JPEG data claim: height and width, 16 bits each."""
    at = data.index(b'\xff\xc0') + 5
    return data[:at] + size + data[at + 4 :]


PNG_DATA, JPEG_DATA = encoded(COLOUR), encoded(COLOUR, '.jpg')
SIGNATURE = PNG_DATA[:8]
EXIF = b'Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0'
UPRIGHT = b'\xff\xe1' + struct.pack('>H', len(EXIF) + 2) + EXIF  # says: turn it by 90 degrees

# Who takes the marker D0 for a segment jumps to a small size; decoders go on to the large one.
SMUGGLED = JPEG_DATA[:2] + b'\xff\xd0' + claiming(JPEG_DATA, b'\xff' * 4)[2:]
SMUGGLED = SMUGGLED.ljust(4 + 0xFFE0, b'\0') + b'\xff\xc0\0\x11\x08\0\x08\0\x08' + b'\xff\xd9'


@pytest.mark.parametrize('pixels', [COLOUR, GREY])
def test_png_comes_out_as_it_was(pixels):
    np.testing.assert_array_equal(decode_image(encoded(pixels)), pixels)


@pytest.mark.parametrize('pixels', [COLOUR, GREY])
def test_jpeg_comes_out_nearly_as_it_was(pixels):
    assert np.abs(decode_image(encoded(pixels, '.jpg')).astype(int) - pixels).mean() < 5


def test_alpha_is_left_out():
    np.testing.assert_array_equal(decode_image(encoded(np.dstack([COLOUR, GREY]))), COLOUR)


def test_metadata_do_not_turn_the_image():
    data = JPEG_DATA[:2] + UPRIGHT + JPEG_DATA[2:]
    np.testing.assert_array_equal(decode_image(data), decode_image(JPEG_DATA))
    assert is_turned(data)
    assert not is_turned(JPEG_DATA)
    assert not is_turned(data.replace(b'\0\x01\0\x06', b'\0\x01\0\x01'))


@pytest.mark.parametrize(
    ('data', 'text'),
    [
        (b'', 'not JPEG or PNG'),
        (b'GIF89a' + bytes(50), 'not JPEG or PNG'),
        (encoded(COLOUR, '.bmp'), 'not JPEG or PNG'),
        (SIGNATURE, 'have no size'),
        (PNG_DATA[:20], 'have no size'),
        (SIGNATURE + PNG_DATA[33:], 'have no size'),
        (PNG_DATA[: len(PNG_DATA) // 2], 'end too early'),
        (PNG_DATA[:-12] + HUGE[:4] + PNG_DATA[-8:], 'end too early'),
        (PNG_DATA[:100] + bytes(100) + PNG_DATA[200:], 'cannot be decoded'),
        (JPEG_DATA[:3], 'have no size'),
        (JPEG_DATA[:100], 'have no size'),
        (SMUGGLED, 'have no size'),
        (JPEG_DATA[:2] + b'\0' + JPEG_DATA[2:], 'not JPEG or PNG'),
        (JPEG_DATA[: len(JPEG_DATA) // 2], 'end too early'),
        (JPEG_DATA[:-2], 'end too early'),
        (claiming(JPEG_DATA, b'\xff' * 4), '65535x65535 pixels'),
        (claiming(JPEG_DATA, bytes(4)), '0x0 pixels'),
        (png(SIGNATURE, HUGE), '2147483647x2147483647 pixels'),
        (png(SIGNATURE, bytes(8)), '0x0 pixels'),
        (png(SIGNATURE, struct.pack('>II', LARGEST + 1, 1)), f'expected 1 to {LARGEST}'),
        (encoded(GREY.astype(np.uint16) * 256), 'uint16'),
    ],
)
def test_what_is_no_whole_image_is_malformed(data, text):
    with pytest.raises(FrameError, match=text) as caught:
        decode_image(data)
    assert caught.value.reason == 'malformed_image'
    assert '\n' not in str(caught.value)


def test_a_size_is_not_believed_before_it_is_checked(monkeypatch):
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('decoded'))
    for data in (png(SIGNATURE, HUGE), claiming(JPEG_DATA, b'\xff' * 4)):
        with pytest.raises(FrameError, match='pixels, expected'):
            decode_image(data)


def test_chunks_that_claim_gigabytes_get_no_memory():
    data = PNG_DATA[:33] + struct.pack('>I', 2**31 - 1) + PNG_DATA[37:]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FrameError, match='end too early'):
        decode_image(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**16  # KiB


def test_an_error_of_opencv_is_one_of_the_message(monkeypatch):
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: cv2.cvtColor(COLOUR, cv2.COLOR_GRAY2BGR))
    with pytest.raises(FrameError, match='cannot be decoded'):
        decode_image(PNG_DATA)


@pytest.mark.parametrize('data', [PNG_DATA, JPEG_DATA])
def test_whatever_is_changed_in_the_data_an_image_or_a_named_error_comes_of_it(data):
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(300):
        changed = bytearray(data)
        for at in rng.integers(0, rng.choice([64, len(data)]), 3):
            changed[at] = rng.integers(256)
        try:
            height, width = decode_image(bytes(changed)).shape[:2]
            assert height * width <= LARGEST
            outcomes.add('image')
        except FrameError as error:
            outcomes.add(error.reason)
    assert 'malformed_image' in outcomes <= {'malformed_image', 'image'}


def test_a_mask_must_be_png():
    with pytest.raises(FrameError, match='not PNG'):
        decode_image(encoded(GREY, '.jpg'), (PNG,))
    assert decode_image(encoded(GREY, '.jpg'), (JPEG,)).ndim == 2


def test_a_mask_of_one_bit_per_pixel_is_grey():
    mask = np.zeros((16, 24), np.uint8)
    mask[4:8, 2:9] = 255
    data = cv2.imencode('.png', mask, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()
    assert data[24] == 1  # bits per sample
    np.testing.assert_array_equal(decode_image(data, (PNG,)) != 0, mask != 0)


@pytest.mark.parametrize(
    ('before', 'after'),
    [
        ('jpeg', 'png'),
        ('JPEG', 'png'),
        ('jpg', 'png'),
        ('image/jpeg', 'image/png'),
        ('bgr8; jpeg compressed bgr8', 'bgr8; png compressed bgr8'),
        ('rgb8; JPG compressed bgr8', 'rgb8; png compressed bgr8'),
        ('mono8; png compressed ', 'mono8; png compressed '),
        ('png', 'png'),
        ('', 'png'),
        ('mjpeg', 'png'),
        ('h264', 'png'),
        ('pngjpeg', 'png'),
    ],
)
def test_the_format_of_what_is_encoded_is_true(before, after):
    data, told = encode_png(COLOUR, before)
    assert told == after
    np.testing.assert_array_equal(decode_image(bytes(data), (PNG,)), COLOUR)


@pytest.mark.parametrize(
    ('claim', 'cut'),
    [(None, False), (0x7FFFFFFF, True), (10**6, True)],
    ids=['true', '2 GB', '1 MB'],
)
def test_a_png_without_all_its_chunks_is_known_before_it_is_decoded(
    claim: int | None, cut: bool, tmp_path: Path
) -> None:
    data = bytearray(PNG_DATA)
    if claim is not None:
        at = data.index(b'IDAT') - 4
        data[at : at + 4] = claim.to_bytes(4, 'big')
    for name in ('1.png', '2.jpg'):  # by what it is, not by its name
        (tmp_path / name).write_bytes(data)
        assert is_cut_png(tmp_path / name) == cut
        assert (read_picture(tmp_path / name) is None) == cut
        assert (picture_mask(tmp_path / name) is None) == cut
    assert not is_cut_png(tmp_path / 'absent.png')
