# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The replay node in a process of its own, and a subscriber to all that it publishes."""

from collections.abc import Callable
import math
import os
from pathlib import Path
import subprocess
import sys
import time

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.task import Future
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_srvs.srv import SetBool

from siammcvae_ros.tools.dds_domain import free_domain

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0  # seconds; exceeded only by a test that fails
DELIVERY = 10.0  # seconds that messages of a node that has ended may still take
SECOND = 10**9


def stamps(messages: list) -> list[int]:
    return [m.header.stamp.sec * SECOND + m.header.stamp.nanosec for m in messages]


class Replay:
    """The node's process and a subscriber to everything it publishes."""

    def __init__(self, camera: str, *parameters: str) -> None:
        self.context = Context()
        domain = free_domain()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node('watcher', context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.images: list[Image] = []
        self.published: list[int] = []  # wall-clock time of each image, in ns
        self.infos: list[CameraInfo] = []
        self.masks: list[Image] = []
        self.clocks: list[Clock] = []
        qos = QoSProfile(depth=200)
        topics: list[tuple[type, str, Callable]] = [
            (Image, f'{camera}/image_raw', self._on_image),
            (CameraInfo, f'{camera}/camera_info', self.infos.append),
            (Image, f'{camera}/fault_mask', self.masks.append),
            (Clock, '/clock', self.clocks.append),
        ]
        self.subscriptions = [
            self.node.create_subscription(kind, topic, callback, qos)
            for kind, topic, callback in topics
        ]
        self.pause = self.node.create_client(SetBool, '/replay/pause')
        # Deep queues at both ends: nothing is lost on a busy machine.
        overrides = [f'qos_overrides.{t}.publisher.depth:=200' for _, t, _ in topics[:3]]
        self.process = start(domain, 'start_paused:=true', *overrides, *parameters)

    def _on_image(self, image: Image, info: dict[str, int]) -> None:
        self.images.append(image)
        self.published.append(info['source_timestamp'])

    def play(self) -> None:
        """Begin once both ends know each other on every topic.

        The subscriptions are older than the client of the service: when the node answers it, it
        knows them.
        """
        self.until(lambda: all(s.get_publisher_count() for s in self.subscriptions[:3]))
        self.set_paused(True)
        self.set_paused(False)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            now = time.monotonic()
            if self.process.poll() is not None:
                deadline = min(deadline, now + DELIVERY)
            if now > deadline:
                self.process.kill()
                log = self.process.communicate()[0]
                pytest.fail(f'timed out with {len(self.images)} images; the node:\n{log}')
            self.executor.spin_once(timeout_sec=0.1)

    def listen(self, seconds: float) -> None:
        """Receive for a while; a slow machine may show nothing in it, but never a false failure."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.executor.spin_once(timeout_sec=left)

    def set_paused(self, paused: bool) -> None:
        """Pause or resume; repeats the request, since DDS may lose the first answer of a node."""
        self.until(self.pause.service_is_ready)
        requests: list[Future] = []
        asked = -math.inf

        def answered() -> bool:
            nonlocal asked
            if time.monotonic() - asked > 5.0:
                requests.append(self.pause.call_async(SetBool.Request(data=paused)))
                asked = time.monotonic()
            return any(request.done() for request in requests)

        self.until(answered)
        answer = next(request.result() for request in requests if request.done())
        assert answer.success
        assert answer.message == ('paused' if paused else 'playing')

    def finish(self) -> tuple[int, str]:
        """Wait for the process to end by itself; return its exit status and what it logged."""
        self.until(lambda: self.process.poll() is not None)
        self.listen(0.05)
        return self.process.returncode, self.process.communicate()[0]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


def start(domain: int, *parameters: str) -> subprocess.Popen:
    """Start the node in a domain, its output (both streams) in a pipe."""
    command = [sys.executable, '-m', 'siammcvae_ros.replay_node', '--ros-args']
    for parameter in parameters:
        command += ['-p', parameter]
    environment = {**os.environ, 'ROS_DOMAIN_ID': str(domain)}
    pipe, out = subprocess.PIPE, subprocess.STDOUT
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=out, text=True)
