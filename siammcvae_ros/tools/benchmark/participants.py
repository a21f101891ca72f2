# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A camera and a fault monitor, each in a process that may be killed, and checks of the output.

`python -m siammcvae_ros.tools.benchmark.participants --ros-args -p role:=camera`, or `masks`.
Every other frame is damaged. The stamp determines the picture, so that each output frame can be
checked on its own.
"""

import contextlib
import signal
import sys
import time

import cv2
import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from siammcvae_core.data.encodings import image_view
from siammcvae_ros.bridge.guards import spin
from siammcvae_ros.bridge.images import image_message, stamp_ns
from siammcvae_ros.tools.ros_session import reliable

PERIOD = 100_000_000  # ns, of the camera
SHIFT = 2  # px, by which the scene moves in a period
SCENES = 100
RELIABLE = reliable(10)
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
    """Draw the undamaged frame of a stamp (ns), uint8 (HEIGHT, WIDTH, 3) BGR, nowhere black."""
    left = SHIFT * (stamp // PERIOD % SCENES)
    return TEXTURE[:, left : left + WIDTH].copy()


def classify_output(msg: Image) -> str:
    """Classify an output frame of the restore node: `intact`, `restored`, `passed` or `wrong`.

    `passed` is a damaged frame published as it came; in a `wrong` one, intact pixels differ from
    those of its stamp.
    """
    stamp = stamp_ns(msg.header)
    damaged = is_damaged(stamp)
    intact = BAND == 0 if damaged else np.ones_like(BAND, bool)
    pixels = image_view(msg)
    if pixels.shape[:2] != intact.shape or (pixels[intact] != scene(stamp)[intact]).any():
        return 'wrong'
    if not damaged:
        return 'intact'
    return 'restored' if pixels[~intact].any() else 'passed'


def run_camera(node: Node, clock_start: int) -> None:
    """Publish frames until shut down, stamped by a clock that now shows `clock_start` ns.

    0 stands for the wall clock.
    """
    images = node.create_publisher(Image, 'image_raw', RELIABLE)
    offset = 0
    if clock_start:
        offset = (time.time_ns() - clock_start) // PERIOD * PERIOD
    while rclpy.ok():
        due = (time.time_ns() // PERIOD + 1) * PERIOD
        time.sleep((due - time.time_ns()) * 1e-9)
        header = Header(frame_id='camera')
        header.stamp.sec, header.stamp.nanosec = divmod(due - offset, 10**9)
        pixels = scene(due - offset)
        if is_damaged(due - offset):
            pixels[BAND > 0] = 0
        try:
            images.publish(image_message(header, pixels, 'bgr8'))
        except rclpy_implementation.RCLError:
            if rclpy.ok():  # else shut down meanwhile
                raise


def run_fault_monitor(node: Node) -> None:
    """Publish a fault mask for every frame received, until shut down."""
    masks = node.create_publisher(Image, 'fault_mask', RELIABLE)

    def on_image(msg: Image) -> None:
        mask = BAND if is_damaged(stamp_ns(msg.header)) else NOTHING
        masks.publish(image_message(msg.header, mask, 'mono8'))

    node.create_subscription(Image, 'image_raw', on_image, BEST_EFFORT)
    # Python raises KeyboardInterrupt between callbacks: an idle executor has to wake for it.
    node.create_timer(0.5, lambda: None)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    spin(executor, node.get_logger().error)


def main() -> int:
    """Run the camera or the fault monitor until shut down."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let their jobs ignore it
    # rclpy's handlers wake executors from a thread of theirs, also one that is freed meanwhile.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = Node('participant')
    role = node.declare_parameter('role', 'camera').value
    clock_start = node.declare_parameter('clock_start', 0).value
    try:
        with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
            if role == 'camera':
                run_camera(node, clock_start)
            else:
                run_fault_monitor(node)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
