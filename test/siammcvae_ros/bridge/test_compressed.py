# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compressed messages become raw ones under their header."""

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage
from support.stream import header, view

from siammcvae_core.data.encodings import image_view
from siammcvae_core.errors import FrameError
from siammcvae_ros.bridge.compressed import decoded


def message(data):
    msg = CompressedImage(header=header(3), format='nonsense')
    msg.data.frombytes(data)
    return msg


@pytest.mark.parametrize(('channels', 'encoding'), [(3, 'bgr8'), (1, 'mono8')])
def test_header_encoding_and_pixels(channels, encoding):
    pixels = view(0, channels=channels)
    raw = decoded(message(cv2.imencode('.png', pixels)[1].tobytes()))
    assert (raw.header, raw.encoding) == (header(3), encoding)
    np.testing.assert_array_equal(image_view(raw), pixels)


def test_what_is_no_image_is_malformed():
    with pytest.raises(FrameError, match='not JPEG or PNG') as caught:
        decoded(message(b'GIF89a'))
    assert caught.value.reason == 'malformed_image'
