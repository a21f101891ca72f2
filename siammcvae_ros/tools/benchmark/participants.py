# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A camera and a fault monitor, each a process that may be killed, and what must come of them.

`python -m siammcvae_ros.tools.benchmark.participants --ros-args -p role:=camera`, or `masks`.
Every other frame is damaged, and each shows when it was taken, so that a listener needs nothing
but the frame.
"""

import contextlib
import sys
import time

import cv2
import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from siammcvae_ros.bridge.images import image_message, image_view, stamp_ns

PERIOD = 100_000_000  # ns, of the camera
SHIFT = 2  # px, by which the scene moves in a period
SCENES = 100
RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)

HEIGHT, WIDTH = 64, 96
_noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH + SHIFT * SCENES, 3), np.uint8)
TEXTURE = cv2.normalize(cv2.GaussianBlur(_noise, (0, 0), 3), None, 1, 255, cv2.NORM_MINMAX)
BAND = np.zeros((HEIGHT, WIDTH), np.uint8)
BAND[24:40] = 255
NOTHING = np.zeros_like(BAND)


def is_damaged(stamp: int) -> bool:
    """Whether the frame of this stamp (ns) is damaged."""
    return bool(stamp // PERIOD % 2)


def scene(stamp: int) -> np.ndarray:
    """Show what is there at a stamp (ns), uint8 (HEIGHT, WIDTH, 3) BGR, nowhere black."""
    left = SHIFT * (stamp // PERIOD % SCENES)
    return TEXTURE[:, left : left + WIDTH].copy()


def judge(msg: Image) -> str:
    """Say what the restore node made of a frame: `intact`, `restored`, `passed` or `wrong`.

    `passed` is damage that came as it was sent, `wrong` a frame whose kept pixels are not those of
    its stamp.
    """
    stamp = stamp_ns(msg.header)
    damaged = is_damaged(stamp)
    kept = BAND == 0 if damaged else np.ones_like(BAND, bool)
    pixels = image_view(msg)
    if pixels.shape[:2] != kept.shape or (pixels[kept] != scene(stamp)[kept]).any():
        return 'wrong'
    if not damaged:
        return 'intact'
    return 'restored' if pixels[~kept].any() else 'passed'


def shoot(node: Node, clock_start: int) -> None:
    """Publish frames until told to stop, stamped by a clock that starts now at `clock_start` ns.

    0 is the wall clock.
    """
    images = node.create_publisher(Image, 'image_raw', RELIABLE)
    ahead = 0
    if clock_start:
        ahead = (time.time_ns() - clock_start) // PERIOD * PERIOD
    while rclpy.ok():
        due = (time.time_ns() // PERIOD + 1) * PERIOD
        time.sleep((due - time.time_ns()) * 1e-9)
        header = Header(frame_id='camera')
        header.stamp.sec, header.stamp.nanosec = divmod(due - ahead, 10**9)
        pixels = scene(due - ahead)
        if is_damaged(due - ahead):
            pixels[BAND > 0] = 0
        try:
            images.publish(image_message(header, pixels, 'bgr8'))
        except rclpy_implementation.RCLError:
            if rclpy.ok():  # else we were told to stop meanwhile
                raise


def watch(node: Node) -> None:
    """Publish a fault mask for every frame heard, until told to stop."""
    masks = node.create_publisher(Image, 'fault_mask', RELIABLE)

    def on_image(msg: Image) -> None:
        mask = BAND if is_damaged(stamp_ns(msg.header)) else NOTHING
        masks.publish(image_message(msg.header, mask, 'mono8'))

    node.create_subscription(Image, 'image_raw', on_image, BEST_EFFORT)
    rclpy.spin(node)


def main() -> int:
    """Be the camera or the fault monitor until killed."""
    rclpy.init()
    node = Node('peer')
    role = node.declare_parameter('role', 'camera').value
    clock_start = node.declare_parameter('clock_start', 0).value
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        if role == 'camera':
            shoot(node, clock_start)
        else:
            watch(node)
    rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
