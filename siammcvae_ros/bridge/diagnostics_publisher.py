# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Publishes the states of a node and its cameras on `/diagnostics`, and logs failures."""

from collections.abc import Sequence

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node

from siammcvae_ros.bridge.camera_state import camera_state, CameraState, SubscriptionStatus
from siammcvae_ros.bridge.diagnostics import camera_status
from siammcvae_ros.frame_path.counters import Snapshot


def status_name(node: Node) -> str:
    """Name a node in its statuses, with its namespace: `restore`, or `car/restore`."""
    return str(node.get_fully_qualified_name()).lstrip('/')


class DiagnosticsPublisher:
    """Compares each snapshot of a camera with the one before; executor thread only."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._before: Sequence[Snapshot] = ()
        self._failing: dict[str, str] = {}

    def start(self, snapshots: Sequence[Snapshot]) -> None:
        """Set the snapshots, one per camera, that the next ones are compared with."""
        self._before = snapshots

    def publish(
        self,
        node_status: DiagnosticStatus,
        cameras: Sequence[tuple[Snapshot, SubscriptionStatus]],
        stale_after: float,
    ) -> None:
        """Publish the statuses of the node and of its cameras, in the order of `start`.

        `stale_after` is in seconds without a frame.
        """
        message = DiagnosticArray(status=[node_status])
        message.header.stamp = self._node.get_clock().now().to_msg()
        for (now, subscription), before in zip(cameras, self._before, strict=False):
            state = camera_state(now, before, subscription, stale_after)
            self._log_change(now.name, state)
            status = camera_status(status_name(self._node), state, now, subscription.incompatible)
            message.status.append(status)
        self._before = [snapshot for snapshot, _ in cameras]
        self._publisher.publish(message)

    def _log_change(self, camera: str, state: CameraState) -> None:
        """Log when a camera fails and when it recovers; the rest is for diagnostics alone."""
        text = f'{camera}: {state.name}: {state.text}'
        if state.level == DiagnosticStatus.ERROR:
            if self._failing.get(camera) != state.name:
                self._node.get_logger().error(text)
            self._failing[camera] = state.name
        elif self._failing.pop(camera, None):
            self._node.get_logger().info(text)
