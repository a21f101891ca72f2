# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compressed images and masks into the real node, raw ones out, over DDS."""

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from support.stream import BAND, header, Stream, view

from siammcvae_core.data.encodings import image_view
from siammcvae_ros.bridge.images import image_message

RELIABLE = {
    f'qos_overrides./front/{topic}.subscription.reliability': 'reliable'
    for topic in ('image_raw/compressed', 'fault_mask/compressed')
}
DEPTH = {'qos_overrides./front/image_raw/compressed.subscription.depth': 50}


def packed(index, pixels, extension):
    msg = CompressedImage(header=header(index), format=extension[1:])
    msg.data.frombytes(cv2.imencode(extension, pixels)[1].tobytes())
    return msg


@pytest.fixture
def stream(start, probe, wait_until, settings):
    start('restore_node', **settings, **RELIABLE, **DEPTH, image_transport='compressed')
    stream = Stream(probe, wait_until)
    for raw in (stream.images, stream.masks):
        probe.node.destroy_publisher(raw)
    stream.images = probe.publisher(CompressedImage, 'front/image_raw/compressed')
    stream.masks = probe.publisher(CompressedImage, 'front/fault_mask/compressed')
    return stream.connect()


def test_compressed_images_are_restored_and_leave_raw(stream, probe, wait_until):
    def serve(index, image, *masks):
        """Send an image, its masks once it has come, and return what the node publishes."""
        before = len(stream.out)
        stream.images.publish(image)
        if masks:
            wait_until(lambda: int(stream.status().get('received', 0)) > index, f'frame {index}')
        for publisher, mask in masks:
            publisher.publish(mask)
        wait_until(lambda: len(stream.out) > before, f'frame {index}')
        out = stream.out[-1]
        assert out.header == header(index)
        return out

    lost = BAND != 0

    def damaged(index):
        return np.where(lost[..., None], np.uint8(0), view(index))

    nothing = packed(0, np.zeros_like(BAND), '.png')
    out = serve(0, packed(0, view(0), '.png'), (stream.masks, nothing))
    assert out.encoding == 'bgr8'
    np.testing.assert_array_equal(image_view(out), view(0))

    low = (BAND > 0).astype(np.uint16)  # of 16 bits: 1 where lost
    mask = (stream.masks, packed(1, low, '.png'))
    pixels = image_view(serve(1, packed(1, damaged(1), '.png'), mask))
    np.testing.assert_array_equal(pixels[~lost], view(1)[~lost])
    assert np.abs(pixels[lost].astype(int) - view(1)[lost]).mean() < 40

    raw_masks = probe.publisher(Image, 'front/fault_mask')
    wait_until(raw_masks.get_subscription_count, 'the node to match raw masks')
    stream.connect()
    mask = (raw_masks, image_message(header(2), BAND, 'mono8'))
    pixels = image_view(serve(2, packed(2, damaged(2), '.png'), mask))
    assert pixels[lost].any()

    stream.images.publish(CompressedImage(header=header(3), format='jpeg', data=b'no image'))
    mask = (raw_masks, image_message(header(4), np.zeros_like(BAND), 'mono8'))
    grey = serve(4, packed(4, view(4, channels=1), '.jpg'), mask)
    assert (grey.encoding, image_view(grey).shape) == ('mono8', BAND.shape)
    lossy = packed(5, BAND, '.jpg')
    serve(5, packed(5, view(5), '.png'), (stream.masks, lossy))
    stream.wait_for_status(
        received=6, restored=2, dropped__malformed_image=1, passed__intact=2,
        passed__mask_unreadable=1,
    )  # fmt: skip
