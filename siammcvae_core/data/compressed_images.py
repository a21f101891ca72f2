# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decodes compressed images, JPEG or PNG; their size is checked before they are decoded."""

from pathlib import Path
import re
import struct

import cv2
import numpy as np

from siammcvae_core import LARGEST
from siammcvae_core.errors import FrameError

JPEG, PNG = 'JPEG', 'PNG'

_BEGINNINGS = {JPEG: b'\xff\xd8\xff', PNG: b'\x89PNG\r\n\x1a\n'}
_START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = {*range(0xC0), *range(0xD0, 0xDA)}
# Grey stays grey, the depth is not cut to 8 bits, EXIF does not rotate.
_SAMPLES = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
_UPRIGHT = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH
_LOSSY_NAMES = re.compile(r'\b(m?jpe?g|jfif)\b', re.IGNORECASE)


def decode_image(
    data: bytes, kinds: tuple[str, ...] = (JPEG, PNG), alpha: bool = False
) -> np.ndarray:
    """Decode the data of a sensor_msgs/CompressedImage: uint8 (H, W, 3) BGR, or (H, W) if grey.

    The kind is read from the data, not from the message's `format`; alpha is left out, a rotation
    that EXIF asks for is not done. Damage within JPEG data shows in the pixels alone.

    Raises FrameError `malformed_image` for anything but 8-bit images of these kinds that are
    complete and of at most `LARGEST` pixels.
    """
    pixels = decode_samples(data, kinds)
    if pixels.dtype != np.uint8:
        kind = PNG if data.startswith(_BEGINNINGS[PNG]) else JPEG
        raise _malformed(f'{kind} has samples of type {pixels.dtype}, expected uint8')
    return pixels


def decode_samples(
    data: bytes, kinds: tuple[str, ...] = (JPEG, PNG), alpha: bool = False
) -> np.ndarray:
    """Decode as `decode_image` does, to the depth of the data: uint8 or uint16.

    With `alpha` what has transparency comes as (H, W, 4) BGRA.
    """
    kind = next((kind for kind in kinds if data.startswith(_BEGINNINGS[kind])), None)
    if kind is None:
        raise _malformed(f'data of {len(data)} bytes are not {" or ".join(kinds)}')
    try:
        width, height, complete = _png_size(data) if kind == PNG else _jpeg_size(data)
    except (struct.error, IndexError):
        raise _malformed(f'{kind} data of {len(data)} bytes have no size') from None
    if not 0 < width * height <= LARGEST:
        raise _malformed(f'{kind} is {width}x{height} pixels, expected 1 to {LARGEST} in all')
    if not complete:  # OpenCV would allocate a chunk of any size and may invent missing rows
        raise _malformed(f'{kind} data of {len(data)} bytes end too early')
    pixels = _decoded(data, cv2.IMREAD_UNCHANGED if alpha and kind == PNG else _SAMPLES)
    if pixels is None:
        raise _malformed(f'{kind} of {len(data)} bytes cannot be decoded')
    return pixels


def is_turned(data: bytes) -> bool:
    """Tell whether EXIF data ask viewers to rotate or mirror an image that decodes."""
    if b'Exif\0\0' not in data and b'eXIf' not in data:
        return False
    upright, stored = _decoded(data, _UPRIGHT), _decoded(data, _SAMPLES)
    return not np.array_equal(upright, stored)  # type: ignore[arg-type]


def is_cut_png(file: Path) -> bool:
    """Tell whether a file is a PNG without all its chunks: OpenCV would allocate any size."""
    try:
        with file.open('rb') as opened:
            if opened.read(8) != _BEGINNINGS[PNG]:
                return False
            opened.seek(0)
            return not _png_size(opened.read())[2]
    except (struct.error, IndexError):
        return True
    except OSError:  # which OpenCV takes for no image
        return False


def transparent_grey(data: bytes) -> int | None:
    """Return the grey that a grey PNG declares to be transparent, which OpenCV does not tell."""
    head = data.partition(b'IDAT')[0]
    at = head.find(b'tRNS')
    is_grey = data.startswith(_BEGINNINGS[PNG]) and head[25:26] == b'\0'
    return int.from_bytes(head[at + 4 : at + 6], 'big') if is_grey and at >= 0 else None


def encode_png(pixels: np.ndarray, image_format: str) -> tuple[np.ndarray, str]:
    """Encode pixels, (H, W), BGR or BGRA, without loss; return the data and their `format`.

    That is `image_format`, what the message had before, with the kind put right:
    'bgr8; jpeg compressed bgr8' becomes 'bgr8; png compressed bgr8', and anything else 'png'.
    """
    described = _LOSSY_NAMES.sub('png', image_format)
    if not re.search(r'\bpng\b', described):
        described = 'png'
    return cv2.imencode('.png', pixels)[1].ravel(), described


def _decoded(data: bytes, how: int) -> np.ndarray | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), how)
    except cv2.error:
        return None


def _malformed(text: str) -> FrameError:
    return FrameError('malformed_image', text)


def _png_size(data: bytes) -> tuple[int, int, bool]:
    """Read width, height and whether all chunks are there; struct.error or IndexError if not."""
    if data[12:16] != b'IHDR':
        raise IndexError
    width, height = struct.unpack_from('>II', data, 16)
    at, name = 8, b''
    while name != b'IEND' and at + 12 <= len(data):
        length, name = struct.unpack_from('>I4s', data, at)
        at += 12 + length
    return width, height, name == b'IEND' and at <= len(data)


def _jpeg_size(data: bytes) -> tuple[int, int, bool]:
    """Read width, height and whether an end marker follows; struct.error or IndexError if not."""
    at = 2
    while True:
        if data[at] != 0xFF:
            raise IndexError
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        if marker in _WITHOUT_LENGTH:  # none may stand before the size
            raise IndexError
        length, _, height, width = struct.unpack_from('>HBHH', data, at + 1)
        if marker in _START_OF_FRAME:
            return width, height, data.find(b'\xff\xd9', at + 8) >= 0
        at += 1 + length
