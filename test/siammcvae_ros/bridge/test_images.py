# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS image messages as numpy views, and what a message may not lie about."""

import numpy as np
import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from siammcvae_core.data.encodings import image_view
from siammcvae_core.errors import FrameError
from siammcvae_ros.bridge.images import image_message, stamp_ns


def header():
    header = Header(frame_id='front_optical')
    header.stamp.sec, header.stamp.nanosec = 12, 345
    return header


def message(height=4, width=6, encoding='bgr8', step=18, length=None):
    msg = Image(header=header(), height=height, width=width, encoding=encoding, step=step)
    size = height * step if length is None else length
    msg.data.frombytes(bytes(i % 256 for i in range(size)))
    return msg


def test_round_trip():
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    msg = image_message(header(), pixels, 'bgr8')
    np.testing.assert_array_equal(image_view(msg), pixels)
    assert (msg.height, msg.width, msg.step, msg.encoding) == (4, 6, 18, 'bgr8')
    assert msg.header == header()
    assert stamp_ns(msg.header) == 12_000_000_345


def test_float_image_has_its_bytes_and_step():
    pixels = np.linspace(0, 9, 24, dtype=np.float32).reshape(4, 6)
    msg = image_message(header(), pixels, '32FC1')
    assert msg.step == 24
    np.testing.assert_array_equal(np.frombuffer(msg.data, np.float32).reshape(4, 6), pixels)


def test_view_shares_memory_and_honours_step():
    msg = message(step=20)
    view = image_view(msg)
    assert view.shape == (4, 6, 3)
    assert np.shares_memory(view, np.frombuffer(msg.data, np.uint8))
    assert view[1, 0, 0] == 20


@pytest.mark.parametrize(
    ('encoding', 'step', 'shape'),
    [
        ('mono8', 6, (4, 6)),
        ('8UC1', 7, (4, 6)),
        ('bayer_gbrg8', 6, (4, 6)),
        ('rgba8', 24, (4, 6, 4)),
        ('rgb8', 18, (4, 6, 3)),
        ('yuv422_yuy2', 13, (4, 6, 2)),
    ],
)
def test_shapes(encoding, step, shape):
    assert image_view(message(encoding=encoding, step=step)).shape == shape


@pytest.mark.parametrize(
    ('msg', 'reason'),
    [
        (message(encoding='bayer_rggb16', step=12), 'unsupported_encoding'),
        (message(encoding='x' * 500), 'unsupported_encoding'),
        (message(encoding=''), 'unsupported_encoding'),
        (message(height=0), 'empty_image'),
        (message(width=0), 'empty_image'),
        (message(step=17), 'malformed_image'),
        (message(step=0), 'malformed_image'),
        (message(length=71), 'malformed_image'),
        (message(length=73), 'malformed_image'),
        (message(length=0), 'malformed_image'),
        (message(width=5, encoding='yuv422', step=10), 'malformed_image'),
        (message(width=5, encoding='yuyv', step=12), 'malformed_image'),
        (message(height=2**32 - 1, width=2**32 - 1, step=2**32 - 1, length=3), 'malformed_image'),
    ],
)
def test_messages_that_cannot_be_read(msg, reason):
    with pytest.raises(FrameError) as caught:
        image_view(msg)
    assert caught.value.reason == reason
    assert '\n' not in str(caught.value)
    assert len(str(caught.value)) < 200
