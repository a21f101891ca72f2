# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS images and NumPy: checked views without a copy in, one copy out."""

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from siammcvae_core.errors import FrameError
from siammcvae_ros.frame_path.encodings import ENCODINGS

MASK_ENCODINGS = ('mono8', '8UC1')


def image_view(msg: Image, encodings: tuple[str, ...] = tuple(ENCODINGS)) -> np.ndarray:
    """View the pixels of a message without copying them.

    Returns a uint8 view, (H, W, C) or (H, W) for one channel, rows `step` bytes apart. It shares
    the message's memory, so the message must not be written to while the view lives.

    Raises FrameError `unsupported_encoding`, `empty_image` or `malformed_image` (a `step` or data
    length that contradicts height and width, or pairs of pixels in an odd width).
    """
    if msg.encoding not in encodings:
        raise FrameError(
            'unsupported_encoding',
            f"encoding '{msg.encoding[:40]}' is not one of {', '.join(encodings)}",
        )
    encoding = ENCODINGS[msg.encoding]
    channels = encoding.channels
    height, width, step = msg.height, msg.width, msg.step
    row = width * channels
    if height == 0 or width == 0:
        raise FrameError('empty_image', f'image is {width}x{height} pixels')
    if encoding.luma is not None and width % 2:
        raise FrameError('malformed_image', f'width is {width}, {msg.encoding} has pairs of pixels')
    if step < row:
        raise FrameError(
            'malformed_image', f'step is {step} bytes, a row of {width} pixels needs {row}'
        )
    if len(msg.data) != height * step:
        raise FrameError(
            'malformed_image',
            f'data has {len(msg.data)} bytes, height {height} x step {step} needs {height * step}',
        )
    rows = np.frombuffer(msg.data, np.uint8).reshape(height, step)[:, :row]
    return rows if channels == 1 else rows.reshape(height, width, channels)


def image_message(header: Header, pixels: np.ndarray, encoding: str) -> Image:
    """Build an Image with the given header from C-contiguous pixels, (H, W) or (H, W, C)."""
    msg = Image()
    msg.header = header
    msg.height, msg.width = pixels.shape[:2]
    msg.encoding = encoding
    msg.is_bigendian = 0
    msg.step = pixels.strides[0]
    # The generated setter checks or copies every byte; frombytes is one memcpy everywhere.
    msg.data.frombytes(pixels.view(np.uint8).data)
    return msg


def stamp_ns(header: Header) -> int:
    """Return a header's stamp in integer nanoseconds."""
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec
