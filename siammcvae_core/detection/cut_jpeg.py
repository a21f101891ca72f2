# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""JPEG data cut short: decoded as far as they go, and which part of the picture is lost.

They are decoded twice, each time with another random end. Where the two pictures begin to differ,
in reading order of the coded blocks, the data had ended; from there on everything is lost.
"""

import cv2
import numpy as np

from siammcvae_core.data.compressed_images import decode_image, JPEG
from siammcvae_core.errors import FrameError

END = b'\xff\xd9'
_START_OF_FRAME, _START_OF_SCAN = (0xC0, 0xC1), 0xDA
_LONGEST_TAIL = 1 << 16  # bytes; a random tail breaks off sooner where it forms no valid code


def decode_cut_jpeg(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Decode JPEG data whose end may be missing: (picture, mask).

    The picture is uint8 (H, W, 3) BGR, or (H, W) if grey; the mask is bool (H, W), True = lost,
    and all False for data that are complete. What is lost is as decoders show it, mostly grey.
    Of a progressive JPEG every block needs the end, so all of it is lost.

    Raises FrameError `malformed_image` for data that end before the first coded block or are no
    JPEG.
    """
    if data.rstrip(b'\0').endswith(END):
        picture = decode_image(data, (JPEG,))
        return picture, np.zeros(picture.shape[:2], bool)
    block = _block_size(data)
    tails = np.random.default_rng(0).integers(1, 255, (2, _LONGEST_TAIL), np.uint8)
    body = data[:-1] if data.endswith(b'\xff') else data  # half of a marker
    first, second = (decode_image(body + tail.tobytes() + END, (JPEG,)) for tail in tails)
    picture = decode_image(body + END, (JPEG,))
    height, width = picture.shape[:2]
    mask = np.ones((height, width), bool)
    if block is not None:
        difference = cv2.absdiff(first, second)
        if difference.ndim == 3:
            difference = difference.max(axis=2)
        _keep_before(mask, difference, block)
    return picture, mask


def _keep_before(mask: np.ndarray, difference: np.ndarray, block: tuple[int, int]) -> None:
    """Set the mask to intact in all blocks, (h, w) pixels, before the first that differs.

    Decoders smooth colours across blocks, so that the block before it may differ at its edge; it
    counts as lost with it.
    """
    (height, width), (high, wide) = mask.shape, block
    below, beyond = -height % high, -width % wide
    padded = np.pad(difference, ((0, below), (0, beyond)))
    differs = padded.reshape(-1, high, (width + beyond) // wide, wide).any(axis=(1, 3))
    columns = differs.shape[1]
    first = int(np.argmax(differs)) if differs.any() else differs.size
    rows, rest = divmod(max(first - 1, 0), columns)
    edge = 1 if rows else 0  # the row of pixels that colours are smoothed across
    mask[: max(rows * high - edge, 0)] = False
    mask[rows * high : (rows + 1) * high - edge, : rest * wide] = False


def _block_size(data: bytes) -> tuple[int, int] | None:
    """Read the height and width of a coded block (MCU) in pixels; None if progressive.

    Raises FrameError where the data end before the first coded block.
    """
    at = 2
    size = None
    try:
        while True:
            if data[at] != 0xFF:
                raise IndexError
            marker = data[at + 1]
            if marker in _START_OF_FRAME:
                samplings = data[at + 11 : at + 10 + 3 * data[at + 9] : 3]
                single = len(samplings) == 1
                size = (
                    8 * max(1 if single else s & 15 for s in samplings),
                    8 * max(1 if single else s >> 4 for s in samplings),
                )
            at += 2 + int.from_bytes(data[at + 2 : at + 4], 'big')
            if marker == _START_OF_SCAN:
                data[at]
                return size
    except (IndexError, ValueError):
        text = f'JPEG data of {len(data)} bytes end before the first block'
        raise FrameError('malformed_image', text) from None
