# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A camera and a subscriber, for tests of the restore node over real DDS."""

import cv2
from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from rclpy.duration import Duration
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from siammcvae_ros.bridge.images import image_message

MS = 1_000_000
HEIGHT, WIDTH = 48, 64
NOISE = np.random.default_rng(0).integers(0, 256, (HEIGHT, 2000, 4), np.uint8)
SCENE = cv2.normalize(cv2.GaussianBlur(NOISE, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
BAND = np.zeros((HEIGHT, WIDTH), np.uint8)
BAND[16:32] = 255
NOTHING = np.zeros((HEIGHT, WIDTH), np.uint8)
PATIENCE = 120.0  # seconds; exceeded only by a test that fails


def view(index, channels=3):
    """Return a frame of a scene that moves by two pixels per frame."""
    pixels = SCENE[:, 2 * index : 2 * index + WIDTH, :channels]
    return np.ascontiguousarray(pixels[..., 0] if channels == 1 else pixels)


def damaged(index, mask=BAND, channels=3):
    """Return a frame of the scene, black where the mask is set."""
    pixels = view(index, channels)
    pixels[mask != 0] = 0
    return pixels


def header(index, frame_id='front_optical'):
    header = Header(frame_id=frame_id)
    stamp = 1_700_000_000_000 * MS + index * 100 * MS
    header.stamp.sec, header.stamp.nanosec = divmod(stamp, 10**9)
    return header


class Stream:
    """A camera of the test, and what the node publishes for it."""

    def __init__(self, probe, wait_until, camera='front', node='/restore'):
        self.probe = probe
        self.wait_until = wait_until
        self.camera = camera
        self.node = node
        self.images = probe.publisher(Image, f'{camera}/image_raw')
        self.masks = probe.publisher(Image, f'{camera}/fault_mask')
        self.infos = probe.publisher(CameraInfo, f'{camera}/camera_info')
        self.out = probe.listen(Image, f'{camera}/restored/image_raw')
        self.info = probe.listen(CameraInfo, f'{camera}/restored/camera_info')
        self.restored_masks = probe.listen(Image, f'{camera}/restored/mask')
        self.diagnostics = probe.listen(DiagnosticArray, '/diagnostics')

    def connect(self, patience=PATIENCE, masks=True):
        """Wait until the node and the probe are matched on every topic, at both ends."""
        publishers = [self.images, self.infos, *([self.masks] if masks else [])]
        restored = self.probe.subscriptions[f'{self.camera}/restored/image_raw']
        self.wait_until(
            lambda: (
                all(publisher.get_subscription_count() for publisher in publishers)
                and restored.get_publisher_count()
            ),
            'the node to connect',
            patience,
        )
        self.probe.synchronize(self.node, patience)
        self.wait_until(self.status, 'the diagnostics of the camera', patience)
        return self

    def flush(self):
        """Wait until what was sent has arrived at the node."""
        for publisher in (self.masks, self.images):
            assert publisher.wait_for_all_acked(Duration(seconds=PATIENCE))

    def send(self, index, pixels=None, mask=None, encoding='bgr8'):
        if mask is not None:
            self.masks.publish(image_message(header(index), mask, 'mono8'))
        pixels = view(index) if pixels is None else pixels
        self.images.publish(image_message(header(index), pixels, encoding))

    def serve(self, index, pixels=None, mask=None, encoding='bgr8'):
        """Send a frame and return what the node publishes for it."""
        before = len(self.out)
        self.send(index, pixels, mask, encoding)
        self.wait_until(lambda: len(self.out) > before, f'frame {index}')
        return self.out[-1]

    def status(self):
        """Return the newest diagnostics of the camera as a dict."""
        for array in reversed(self.diagnostics):
            for status in array.status:
                if status.hardware_id == self.camera:
                    return {pair.key: pair.value for pair in status.values}
        return {}

    def wait_for_status(self, **expected):
        """Wait until the diagnostics say this, and check that the counters add up."""
        values = {key.replace('__', '.'): str(value) for key, value in expected.items()}
        self.wait_until(
            lambda: values.items() <= self.status().items(), lambda: f'{values} in {self.status()}'
        )
        status = self.status()
        parts = ('restored', 'passed', 'dropped', 'in_flight')
        assert int(status['received']) == sum(int(status[part]) for part in parts)
        return status
