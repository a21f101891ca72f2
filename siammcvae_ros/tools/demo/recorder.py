# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Listens to the node: its topics go into a rosbag2 as they came, its diagnostics into memory."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
import time
from types import TracebackType

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosbags.rosbag2 import StoragePlugin, Writer
from sensor_msgs.msg import CameraInfo, Image

from siammcvae_core.data.bags import TYPES
from siammcvae_ros.tools.demo.account import Account

TOPICS = {
    'restored/image_raw': (Image, 'sensor_msgs/msg/Image'),
    'restored/camera_info': (CameraInfo, 'sensor_msgs/msg/CameraInfo'),
    'restored/mask': (Image, 'sensor_msgs/msg/Image'),
}
RELIABLE = QoSProfile(depth=20, reliability=ReliabilityPolicy.RELIABLE)


class Recorder:
    """Records `/<camera>/restored/*` into the rosbag2 `bag` until closed; a context manager.

    `recorded` counts messages by topic; `accounts` keeps every account that tells something new;
    `node_status` is the last word of the node on itself.
    """

    def __init__(self, bag: Path, node_name: str, camera: str) -> None:
        self.recorded: Counter[str] = Counter()
        self.accounts: list[Account] = []
        self.node_status: DiagnosticStatus | None = None
        self._status_names = (node_name, f'{node_name}: {camera}')
        self._writer = Writer(bag, version=8, storage_plugin=StoragePlugin.MCAP)
        self._writer.open()
        self._node = Node('demo_recorder')
        for topic, (kind, name) in TOPICS.items():
            connection = self._writer.add_connection(f'/{camera}/{topic}', name, typestore=TYPES)
            self._node.create_subscription(
                kind, f'/{camera}/{topic}', self._record(topic, connection), RELIABLE, raw=True
            )
        self._node.create_subscription(DiagnosticArray, '/diagnostics', self._diagnose, RELIABLE)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)

    def __enter__(self) -> 'Recorder':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._executor.shutdown()
        self._node.destroy_node()
        self._writer.close()

    @property
    def account(self) -> Account:
        """The node's latest account."""
        return self.accounts[-1] if self.accounts else Account()

    @property
    def images(self) -> int:
        """Frames recorded."""
        return self.recorded['restored/image_raw']

    def listen(self, seconds: float) -> None:
        """Take what comes within so many seconds."""
        until = time.monotonic() + seconds
        while (remaining := until - time.monotonic()) > 0 and rclpy.ok():
            self._executor.spin_once(remaining)

    def _record(self, topic: str, connection: object) -> Callable[[bytes], None]:
        def write(message: bytes) -> None:
            self._writer.write(connection, time.time_ns(), message)
            self.recorded[topic] += 1

        return write

    def _diagnose(self, message: DiagnosticArray) -> None:
        own, camera = self._status_names
        for status in message.status:
            if status.name == own:
                self.node_status = status
            elif status.name == camera:
                account = Account.read({pair.key: pair.value for pair in status.values})
                if account != self.account:
                    self.accounts.append(account)
