# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever is not black is lost, in every kind of mask, or the mask is refused."""

from fractions import Fraction
from pathlib import Path
import struct
from types import SimpleNamespace
import zlib

import av
import cv2
import numpy as np
import pytest

from siammcvae_core.data.masks import compressed_mask, lost_pixels, picture_mask, raw_mask
from siammcvae_core.data.sources import open_masks
from siammcvae_core.errors import FrameError, SourceError

LOST = np.zeros((6, 8), np.bool_)
LOST[2:4, 3:7] = True


def message(samples: np.ndarray, encoding: str, padding: int = 0) -> SimpleNamespace:
    rows = np.ascontiguousarray(samples).view(np.uint8).reshape(len(samples), -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=255)
    big = samples.dtype.byteorder == '>'
    return SimpleNamespace(
        height=samples.shape[0], width=samples.shape[1], encoding=encoding, is_bigendian=int(big),
        step=rows.shape[1], data=rows.tobytes(),
    )  # fmt: skip


def png(kind: int, bits: int, rows: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """Write a PNG of a colour type that OpenCV does not write."""
    height, width = LOST.shape
    size = struct.pack('>IIBBBBB', width, height, bits, kind, 0, 0, 0)
    data = zlib.compress(b''.join(b'\0' + row.tobytes() for row in rows))
    parts = ((b'IHDR', size), *chunks, (b'IDAT', data), (b'IEND', b''))
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(part)) + name + part + struct.pack('>I', zlib.crc32(name + part))
        for name, part in parts
    )


def written(samples: np.ndarray, suffix: str = '.png') -> bytes:
    return cv2.imencode(suffix, samples)[1].tobytes()


def channels(*values: int, dtype: type = np.uint8) -> np.ndarray:
    """Draw a mask whose lost pixels have these values in their channels."""
    return np.where(LOST[..., None], np.array(values, dtype), dtype(0))


def opaque(colour: np.ndarray, level: int) -> np.ndarray:
    return np.dstack([colour, np.full(LOST.shape, level, colour.dtype)])


@pytest.mark.parametrize(
    ('encoding', 'samples'),
    [
        ('mono8', LOST * np.uint8(1)),
        ('8UC1', LOST * np.uint8(255)),
        ('mono16', LOST * np.uint16(1)),
        ('mono16', LOST * np.uint16(256)),
        ('16UC1', (LOST * np.uint16(3)).astype('>u2')),
        ('16SC1', LOST * np.int16(-1)),
        ('32SC1', LOST * np.int32(65536)),
        ('32FC1', LOST * np.float32(1e-3)),
        ('32FC1', np.where(LOST, np.float32('inf'), -np.float32(0))),
        ('64FC1', (LOST * 1e-9).astype('>f8')),
        ('8UC3', channels(0, 0, 1)),
        ('rgb8', channels(1, 0, 0)),
        ('bgr8', channels(0, 2, 0)),
        ('bgra8', opaque(channels(0, 2, 0), 255)),
        ('rgba16', opaque(channels(0, 0, 1, dtype=np.uint16), 65535)),
        ('16UC4', channels(0, 0, 0, 1, dtype=np.uint16)),
    ],
)
def test_raw_masks(encoding: str, samples: np.ndarray) -> None:
    mask = raw_mask(message(samples, encoding, padding=3))
    assert mask.dtype in (np.uint8, np.bool_)
    np.testing.assert_array_equal(mask != 0, LOST)


@pytest.mark.parametrize('encoding', ['yuv422', 'bayer_rggb8', 'nv12', '', '8FC1', 'x' * 500])
def test_encodings_whose_black_is_not_0_are_refused(encoding: str) -> None:
    with pytest.raises(FrameError, match='is not one of mono8') as caught:
        raw_mask(message(LOST * np.uint8(1), encoding))
    assert caught.value.reason == 'unsupported_encoding'
    assert len(str(caught.value)) < 200


def test_a_mask_of_no_numbers_is_refused() -> None:
    with pytest.raises(FrameError, match='8 samples of the mask are no numbers'):
        raw_mask(message(np.where(LOST, np.float32('nan'), np.float32(0)), '32FC1'))


def test_a_raw_mask_that_lies_is_refused() -> None:
    lying = message(LOST * np.uint16(1), 'mono16')
    lying.step //= 2
    with pytest.raises(FrameError, match='step'):
        raw_mask(lying)


INDICES = LOST * np.uint8(1)
PNGS = {
    'grey 8': written(LOST * np.uint8(1)),
    'grey 16, low': written(LOST * np.uint16(1)),
    'grey 16, high': written(LOST * np.uint16(0xFF00)),
    'colour 8': written(channels(0, 0, 1)),
    'colour 16': written(channels(0, 0, 255, dtype=np.uint16)),
    'opaque 8': written(opaque(channels(0, 0, 1), 255)),
    'opaque 16': written(opaque(channels(0, 1, 0, dtype=np.uint16), 65535)),
    'grey and alpha': png(4, 8, np.dstack([INDICES, np.full_like(INDICES, 255)])),
    'palette': png(3, 8, INDICES, (b'PLTE', bytes([0, 0, 0, 128, 0, 0]))),
    'two bits': png(0, 2, np.packbits(np.kron(LOST, [[0, 1]]).astype(bool), axis=1)),
}


@pytest.mark.parametrize('name', PNGS)
def test_png_masks(name: str, tmp_path: Path) -> None:
    np.testing.assert_array_equal(compressed_mask(PNGS[name]), LOST)
    file = tmp_path / 'mask.png'
    file.write_bytes(PNGS[name])
    np.testing.assert_array_equal(picture_mask(file), LOST)


ALPHA = LOST * np.uint8(255)
TRANSPARENT = {
    'lost is opaque': written(np.dstack([channels(0, 0, 0), ALPHA])),
    'lost is erased': written(np.dstack([channels(0, 0, 0), 255 - ALPHA])),
    'lost is nearly opaque': written(opaque(channels(0, 0, 0), 254)),
    '16 bits': written(np.dstack([channels(0, 0, 0, dtype=np.uint16), LOST * np.uint16(65535)])),
    'grey and alpha': png(4, 8, np.dstack([np.zeros_like(ALPHA), ALPHA])),
    'palette': png(
        3, 8, INDICES, (b'PLTE', bytes(6)), (b'tRNS', bytes([0, 255]))
    ),
    'one grey': png(0, 8, ALPHA, (b'tRNS', bytes(2))),
    'one grey of 16 bits': png(0, 16, (INDICES * 7).astype('>u2'), (b'tRNS', bytes(2))),
    'one grey of 2 bits': png(0, 2, np.zeros((6, 2), np.uint8), (b'tRNS', bytes(2))),
    'nothing to see': written(np.zeros((6, 8, 4), np.uint8)),
}  # fmt: skip


@pytest.mark.parametrize('name', TRANSPARENT)
def test_what_only_alpha_tells_is_refused_by_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(FrameError, match='transparent and black'):
        compressed_mask(TRANSPARENT[name])
    file = tmp_path / '0001.png'
    file.write_bytes(TRANSPARENT[name])
    for source in (file, tmp_path):
        with pytest.raises(SourceError, match=r'0001\.png: .* transparent'):
            open_masks(str(source))


@pytest.mark.parametrize(
    ('codec', 'pixels', 'given'), [('tiff', 'ya8', 'rgba'), ('bmp', 'bgra', 'bgra')]
)
def test_alpha_that_opencv_leaves_out_is_no_mask(
    codec: str, pixels: str, given: str, tmp_path: Path
) -> None:
    context = av.CodecContext.create(codec, 'w')
    context.width, context.height, context.pix_fmt = LOST.shape[1], LOST.shape[0], pixels
    context.time_base = Fraction(1, 10)
    file = tmp_path / f'0001.{codec}'
    for alpha in (np.full(LOST.shape, 255, np.uint8), ALPHA):
        image = np.dstack([channels(0, 0, 0), alpha])
        frame = av.VideoFrame.from_ndarray(image, given).reformat(format=pixels)
        file.write_bytes(b''.join(bytes(packet) for packet in context.encode(frame)))
        if alpha is not ALPHA:
            (mask,) = open_masks(str(file))
            assert not mask.image.any()
    with pytest.raises(SourceError, match=r'0001\..*: .* transparent and black'):
        open_masks(str(file))


def test_a_grey_that_is_transparent_may_be_that_of_lost_pixels(tmp_path: Path) -> None:
    data = png(0, 8, ALPHA, (b'tRNS', bytes([0, 255])))
    np.testing.assert_array_equal(compressed_mask(data), LOST)
    (tmp_path / '1.png').write_bytes(data)
    (mask,) = open_masks(str(tmp_path))
    np.testing.assert_array_equal(mask.image, ALPHA)


@pytest.mark.parametrize(
    ('suffix', 'samples'),
    [
        ('.tif', LOST * np.uint16(1)),
        ('.tiff', LOST * np.float32(1e-3)),
        ('.tif', channels(0, 1, 0, dtype=np.uint16)),
        ('.bmp', channels(0, 0, 1)),
        ('.webp', LOST * np.uint8(255)),
        ('.ppm', channels(1, 0, 0, dtype=np.uint16)),
        ('.pgm', LOST * np.uint16(7)),
    ],
)
def test_pictures_of_other_kinds(suffix: str, samples: np.ndarray, tmp_path: Path) -> None:
    options = [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == '.webp' else []
    cv2.imwrite(str(tmp_path / f'0{suffix}'), samples, options)
    (frame,) = open_masks(str(tmp_path))
    assert (frame.encoding, frame.image.dtype) == ('mono8', np.uint8)
    np.testing.assert_array_equal(frame.image, LOST * np.uint8(255))


def test_the_last_channel_is_a_colour_unless_it_is_alpha() -> None:
    np.testing.assert_array_equal(lost_pixels(channels(0, 0, 0, 1)), LOST)
    with pytest.raises(FrameError, match='expected a mask without transparency'):
        lost_pixels(channels(0, 0, 0, 1), alpha=True)


def test_a_picture_that_is_none_ends_the_masks(tmp_path: Path) -> None:
    (tmp_path / '0.png').write_bytes(PNGS['grey 8'])
    (tmp_path / '1.png').write_bytes(b'none')
    masks = open_masks(str(tmp_path))
    assert len(list(masks)) == 1
    assert '1.png' in masks.broken


@pytest.mark.parametrize('suffix', ['.tif', '.png', '.webp'])
def test_only_one_mask_in_a_picture(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f'pages{suffix}'
    pages = [channels(0, 0, 0), channels(255, 255, 255)]
    if suffix == '.tif':
        cv2.imwritemulti(str(file), pages)
    else:
        animation = cv2.Animation()
        animation.frames, animation.durations = pages, np.array([100, 100])
        cv2.imwriteanimation(str(file), animation)
    with pytest.raises(SourceError, match=r'pages.*: expected one mask .* holds 2'):
        open_masks(str(tmp_path))
