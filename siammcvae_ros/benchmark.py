# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the restore node costs a stream: `python -m siammcvae_ros.benchmark --help`.

A camera in this process, the node in its own, real DDS between them: frames delivered, the time
the node adds, and the memory it gains.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
import json
from pathlib import Path
import sys
import tempfile
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from tqdm import tqdm

from siammcvae_core.data.drive_sim import DriveSim
from siammcvae_core.errors import InputError
from siammcvae_core.faults.masks import make_mask
from siammcvae_ros.environment import isolate
from siammcvae_ros.inspection import DetectorMode
from siammcvae_ros.messages import image_message, stamp_ns
from siammcvae_ros.processes import Child, ProcessError

SCENES = 30
WARM_UP = 100  # frames, before memory is measured
CONNECT_LIMIT = 60.0  # s
RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)


@dataclass
class Camera:
    """A camera that publishes `SCENES` frames over and over, and hears what the node makes of them.

    `took` are the seconds from publishing a frame to receiving it back.
    """

    size: tuple[int, int]
    lost: float
    took: list[float] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._node = Node('benchmark')
        self._images = self._node.create_publisher(Image, 'image_raw', RELIABLE)
        self._masks = self._node.create_publisher(Image, 'fault_mask', RELIABLE)
        self._node.create_subscription(Image, 'restored/image_raw', self._hear, RELIABLE)
        self._node.create_subscription(DiagnosticArray, '/diagnostics', self._diagnose, 10)
        drive = DriveSim(size=self.size, frames=SCENES)
        self._scenes = [image_message(Header(), drive.render(i), 'bgr8') for i in range(SCENES)]
        width, height = self.size
        nothing = np.zeros((height, width), np.uint8)
        self._intact = image_message(Header(), nothing, 'mono8')
        band = nothing
        if self.lost:
            rng = np.random.default_rng(0)
            band = make_mask(f'band:{self.lost}', (height, width), rng).view(np.uint8)
        self._damaged = image_message(Header(), band, 'mono8')
        self._sent: dict[int, float] = {}
        executor = SingleThreadedExecutor()
        executor.add_node(self._node)
        threading.Thread(target=self._spin, args=(executor,), daemon=True).start()

    def connect(self, node: Child) -> None:
        """Wait until the node hears and is heard."""
        deadline = time.monotonic() + CONNECT_LIMIT
        while not self.took:
            if node.has_finished() or time.monotonic() > deadline:
                raise ProcessError(f'the restore node did not connect.\n{node.last_lines()}')
            self.send(0)
            time.sleep(0.2)
        time.sleep(1.0)
        self.took.clear()

    def send(self, index: int) -> None:
        """Publish frame `index` and its mask; every other frame is damaged if any is."""
        header = Header()
        header.stamp = self._node.get_clock().now().to_msg()
        mask = self._damaged if index % 2 else self._intact
        image = self._scenes[index % SCENES]
        mask.header = image.header = header
        self._sent[stamp_ns(header)] = time.monotonic()
        self._masks.publish(mask)
        self._images.publish(image)

    def _hear(self, msg: Image) -> None:
        self.took.append(time.monotonic() - self._sent.pop(stamp_ns(msg.header)))

    def _diagnose(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.values.update({pair.key: pair.value for pair in status.values})

    def _spin(self, executor: SingleThreadedExecutor) -> None:
        try:
            executor.spin()
        except ExternalShutdownException:
            return


def run(
    shape: tuple[int, int],
    hz: float,
    frames: int,
    lost: float,
    best_effort: bool,
    detector: str,
    weights: str,
) -> dict[str, Any]:
    """Send `frames` frames of `shape` (W, H) at `hz` through the node; give the row of results."""
    reliability = 'best_effort' if best_effort else 'reliable'
    with tempfile.TemporaryDirectory() as folder:
        isolate(Path(folder))
        parameters = ('-p', 'diagnostics_period:=0.2', '-p', 'mask_wait:=0.5')
        qos = ('-p', f'qos_overrides./image_raw.subscription.reliability:={reliability}')
        rclpy.init(args=[])
        try:
            mode = ('-p', f'detector:={detector}', '-p', f'weights:={weights}')
            arguments = ('--ros-args', *parameters, *qos, *mode)
            log = Path(folder) / 'restore_node.log'
            with Child('siammcvae_ros.restore_node', arguments, log) as node:
                camera = Camera(shape, lost)
                camera.connect(node)
                row = _stream(camera, node, hz, frames)
        finally:
            rclpy.try_shutdown()
    return {
        'size': '{}x{}'.format(*shape),
        'hz': hz,
        'lost': lost,
        'qos': reliability,
        'detector': detector,
        'weights': weights,
        **row,
    }


def size(text: str) -> tuple[int, int]:
    """Read `WIDTHxHEIGHT` in pixels; ValueError otherwise."""
    width, height = text.split('x')
    return int(width), int(height)


def _stream(camera: Camera, node: Child, hz: float, frames: int) -> dict[str, Any]:
    memory, start = 0, time.monotonic()
    for index in tqdm(range(frames), unit='frame', disable=None):
        time.sleep(max(0.0, start + index / hz - time.monotonic()))
        if index == WARM_UP:
            memory = node.resident_bytes()
        camera.send(index)
    time.sleep(2.0)
    growth = node.resident_bytes() / memory - 1 if memory else 0.0
    took = np.percentile(camera.took, [50, 99]) * 1e3 if camera.took else (np.nan, np.nan)
    names = ('passed_ms_p50', 'passed_ms_p99', 'restored_ms_p50', 'restored_ms_p99')
    return {
        'sent': frames,
        'delivered': len(camera.took),
        **{name: camera.values.get(name, 'n/a') for name in names},
        'end_to_end_ms_p50': round(float(took[0]), 2),
        'end_to_end_ms_p99': round(float(took[1]), 2),
        'memory_growth': round(growth, 4),
    }


def main(args: Sequence[str] | None = None) -> int:
    """Run the benchmark and print one row as JSON."""
    parser = argparse.ArgumentParser(
        prog='python -m siammcvae_ros.benchmark',
        description='Times the restore node in a stream: passed_ms and restored_ms are what the '
        'node adds, from the arrival of a message to the end of publishing; end_to_end_ms is from '
        'publishing a frame to receiving it back, two trips over DDS included.',
    )
    parser.add_argument(
        '--size', type=size, default='1280x720', help='width x height (default %(default)s)'
    )
    parser.add_argument('--hz', type=float, default=30.0, help='frames per second')
    parser.add_argument('--frames', type=int, default=2000, help='frames to send')
    parser.add_argument(
        '--lost', type=float, default=0.0, help='share of rows lost in every other frame'
    )
    parser.add_argument(
        '--best-effort', action='store_true', help='subscribe as the node does by default'
    )
    parser.add_argument(
        '--detector',
        choices=[mode.value for mode in DetectorMode],
        default=DetectorMode.OFF.value,
        help='the parameter of the node (default %(default)s)',
    )
    parser.add_argument(
        '--weights', default='none', help='the parameter of the node (default %(default)s)'
    )
    options = parser.parse_args(args)
    try:
        row = run(
            options.size,
            options.hz,
            options.frames,
            options.lost,
            options.best_effort,
            options.detector,
            options.weights,
        )
    except InputError as error:
        print(f'benchmark: {error}', file=sys.stderr)
        return 2
    except ProcessError as error:
        print(f'benchmark: {error}', file=sys.stderr)
        return 1
    print(json.dumps(row, indent=2))
    return 0


if __name__ == '__main__':
    sys.exit(main())
