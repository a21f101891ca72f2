# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Records the topics of the node into a rosbag2 unchanged, and its diagnostics in memory."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rosbags.rosbag2 import StoragePlugin, Writer
from sensor_msgs.msg import CameraInfo, Image

from siammcvae_core.data.bags import TYPES
from siammcvae_ros.tools.demo.diagnostics import CameraDiagnostics
from siammcvae_ros.tools.ros_session import reliable

TOPICS = {
    'restored/image_raw': (Image, 'sensor_msgs/msg/Image'),
    'restored/camera_info': (CameraInfo, 'sensor_msgs/msg/CameraInfo'),
    'restored/mask': (Image, 'sensor_msgs/msg/Image'),
}
RELIABLE = reliable(20)


class Recorder:
    """Records `/<camera>/restored/*` into the rosbag2 `bag` until closed; a context manager.

    `recorded` counts messages by topic; `history` holds the diagnostics of the camera whenever they
    changed; `node_status` is the newest status of the node.
    """

    def __init__(self, bag: Path, node_name: str, camera: str) -> None:
        self.recorded: Counter[str] = Counter()
        self.history: list[CameraDiagnostics] = []
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
        self._node.create_subscription(
            DiagnosticArray, '/diagnostics', self._on_diagnostics, RELIABLE
        )
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)

    def __enter__(self) -> 'Recorder':
        return self

    def __exit__(self, *error: object) -> None:
        self._executor.shutdown()
        self._node.destroy_node()
        self._writer.close()

    @property
    def diagnostics(self) -> CameraDiagnostics:
        """The newest diagnostics of the camera."""
        return self.history[-1] if self.history else CameraDiagnostics()

    @property
    def images(self) -> int:
        """Frames recorded."""
        return self.recorded['restored/image_raw']

    def listen(self, seconds: float) -> None:
        """Receive messages for so many seconds."""
        until = time.monotonic() + seconds
        while (remaining := until - time.monotonic()) > 0 and rclpy.ok():
            self._executor.spin_once(remaining)

    def _record(self, topic: str, connection: object) -> Callable[[bytes], None]:
        def write(message: bytes) -> None:
            self._writer.write(connection, time.time_ns(), message)
            self.recorded[topic] += 1

        return write

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        own, camera = self._status_names
        for status in message.status:
            if status.name == own:
                self.node_status = status
            elif status.name == camera:
                values = {pair.key: pair.value for pair in status.values}
                if (diagnostics := CameraDiagnostics.read(values)) != self.diagnostics:
                    self.history.append(diagnostics)
