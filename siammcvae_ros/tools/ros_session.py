# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS in this process for a while: rclpy in a domain of its own, and nodes that spin in threads."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
import tempfile
import threading

import rclpy
from rclpy.executors import ExternalShutdownException, ShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from siammcvae_ros.tools.dds_domain import isolate


def reliable(depth: int) -> QoSProfile:
    """Return a reliable QoS profile that holds the last `depth` messages."""
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE)


def parameter_arguments(parameters: Mapping[str, object]) -> list[str]:
    """Return the command line arguments that set the parameters of a node."""
    pairs = (('-p', f'{name}:={value}') for name, value in parameters.items())
    return ['--ros-args', *(word for pair in pairs for word in pair)]


@contextmanager
def isolated_ros() -> Iterator[Path]:
    """Run rclpy in a DDS domain that ends at this host; yields a temporary folder for logs."""
    with tempfile.TemporaryDirectory() as folder:
        isolate(Path(folder))
        rclpy.init(args=[])
        try:
            yield Path(folder)
        finally:
            rclpy.try_shutdown()


@contextmanager
def spinning(node: Node) -> Iterator[None]:
    """Run the callbacks of a node in a thread, which ends with the context.

    A process that ended under such a thread would abort.
    """
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def spin() -> None:
        # Ends when shut down, here or by a Ctrl-C.
        with suppress(ExternalShutdownException, ShutdownException):
            executor.spin()

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    try:
        yield
    finally:
        executor.shutdown()
        thread.join()
