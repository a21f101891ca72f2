# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS images out of NumPy arrays, in one copy, and the stamps of headers."""

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header


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
