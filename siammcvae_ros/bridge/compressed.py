# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decodes compressed images, JPEG or PNG; their size is checked before they are decoded."""

from enum import Enum
import struct

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from siammcvae_core import LARGEST
from siammcvae_core.errors import FrameError
from siammcvae_ros.bridge.images import image_message

JPEG, PNG = 'JPEG', 'PNG'

_BEGINNINGS = {JPEG: b'\xff\xd8\xff', PNG: b'\x89PNG\r\n\x1a\n'}
_START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = {*range(0xC0), *range(0xD0, 0xDA)}
# Grey stays grey, the depth is not cut to 8 bits, EXIF does not rotate.
_UNCHANGED = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION


class ImageTransport(str, Enum):
    """How the images of a camera are transported."""

    RAW = 'raw'
    COMPRESSED = 'compressed'


def decoded(msg: CompressedImage, kinds: tuple[str, ...] = (JPEG, PNG)) -> Image:
    """Decode a message into a raw one under its header: mono8 where it is grey, else bgr8.

    The kind is read from the data, not from `format`; alpha is left out. Damage within JPEG data
    shows in the pixels alone.

    Raises FrameError `malformed_image` for anything but 8-bit images of these kinds that are
    complete and of at most `LARGEST` pixels.
    """
    data = bytes(msg.data)
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
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), _UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise _malformed(f'{kind} of {len(data)} bytes cannot be decoded')
    if pixels.dtype != np.uint8:
        raise _malformed(f'{kind} has samples of type {pixels.dtype}, expected uint8')
    return image_message(msg.header, pixels, 'mono8' if pixels.ndim == 2 else 'bgr8')


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
