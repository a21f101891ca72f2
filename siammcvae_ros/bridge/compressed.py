# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compressed images as messages: decoded into raw ones."""

from enum import Enum

from sensor_msgs.msg import CompressedImage, Image

from siammcvae_core.data.compressed_images import decode_image
from siammcvae_ros.bridge.images import image_message


class ImageTransport(str, Enum):
    """How the images of a camera are transported."""

    RAW = 'raw'
    COMPRESSED = 'compressed'


def decoded(msg: CompressedImage) -> Image:
    """Decode a message into a raw one under its header: mono8 where it is grey, else bgr8.

    Raises FrameError as `decode_image` does.
    """
    pixels = decode_image(bytes(msg.data))
    return image_message(msg.header, pixels, 'mono8' if pixels.ndim == 2 else 'bgr8')
