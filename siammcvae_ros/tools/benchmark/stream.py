# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the restore node costs the streams of one camera or several that take frames together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from tqdm import tqdm

from siammcvae_core.faults.masks import make_mask
from siammcvae_core.simulation.drive import DriveSim
from siammcvae_ros.bridge.images import image_message, stamp_ns
from siammcvae_ros.frame_path.latency import Stage
from siammcvae_ros.tools.processes import Child, ProcessError
from siammcvae_ros.tools.ros_session import isolated_ros, parameter_arguments, reliable, spinning

SCENES = 30
WARM_UP = 100  # frames, before memory is measured
CONNECT_LIMIT = 60.0  # s
AROUND = (Stage.INTAKE, Stage.MASK_WAIT, Stage.QUEUE, Stage.PUBLISH)
"""The stages of a restored frame other than the restorer."""
RELIABLE = reliable(10)


@dataclass(frozen=True)
class Load:
    """What is sent through the node: `frames` of `size` (W, H) from each camera, `hz` a second.

    `damaged` of the `cameras` lose a share `lost` of the rows in all frames but every
    `intact_every`-th. `best_effort` and the fields after it are settings of the node.
    """

    size: tuple[int, int] = (1280, 720)
    hz: float = 30.0
    frames: int = 2000
    cameras: int = 1
    damaged: int = 1
    lost: float = 0.0
    intact_every: int = 2
    best_effort: bool = False
    detector: str = 'off'
    weights: str = 'none'
    workers: int = 0

    @property
    def names(self) -> list[str]:
        """Names of the cameras, the damaged ones first."""
        return [f'camera{i}' for i in range(self.cameras)]

    def node_arguments(self) -> Sequence[str]:
        """Return the command line arguments of the restore node."""
        reliability = 'best_effort' if self.best_effort else 'reliable'
        parameters: dict[str, object] = {
            'cameras': f'[{", ".join(self.names)}]',
            'mask_wait': 0.5,
            'detector': self.detector,
            'weights': self.weights,
            'workers': self.workers,
        }
        for name in self.names:
            parameters[f'qos_overrides./{name}/image_raw.subscription.reliability'] = reliability
        return parameter_arguments(parameters)


@dataclass
class BenchmarkCamera:
    """A camera that publishes `SCENES` frames over and over, and receives the node's output.

    A share `lost` of the rows is lost in its damaged frames. `delays` are the seconds from
    publishing a frame to receiving it back, `values` the camera's key-value pairs on /diagnostics.
    """

    node: Node
    name: str
    load: Load
    scenes: Sequence[Image]
    lost: float
    delays: list[float] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._images = self.node.create_publisher(Image, f'{self.name}/image_raw', RELIABLE)
        self._masks = self.node.create_publisher(Image, f'{self.name}/fault_mask', RELIABLE)
        restored = f'{self.name}/restored/image_raw'
        self.node.create_subscription(Image, restored, self._on_output, RELIABLE)
        width, height = self.load.size
        nothing = band = np.zeros((height, width), np.uint8)
        if self.lost:
            rng = np.random.default_rng(0)
            band = make_mask(f'band:{self.lost}', (height, width), rng).view(np.uint8)
        self._intact = image_message(Header(), nothing, 'mono8')
        self._damaged = image_message(Header(), band, 'mono8')
        self._sent: dict[int, float] = {}

    def send(self, index: int, header: Header) -> None:
        """Publish frame `index` and its mask."""
        mask = self._damaged if index % self.load.intact_every else self._intact
        image = self.scenes[index % SCENES]
        mask.header = image.header = header
        self._sent[stamp_ns(header)] = time.monotonic()
        self._masks.publish(mask)
        self._images.publish(image)

    def _on_output(self, msg: Image) -> None:
        self.delays.append(time.monotonic() - self._sent.pop(stamp_ns(msg.header)))


class CameraGroup:
    """All cameras, which take their frames at the same time.

    Callbacks need the ROS node, `node`, to spin.
    """

    def __init__(self, load: Load) -> None:
        self.node = Node('benchmark')
        drive = DriveSim(size=load.size, frames=SCENES)
        scenes = [image_message(Header(), drive.render(i), 'bgr8') for i in range(SCENES)]
        self.cameras = {
            name: BenchmarkCamera(
                self.node, name, load, scenes, load.lost if i < load.damaged else 0.0
            )
            for i, name in enumerate(load.names)
        }
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)

    def connect(self, node: Child) -> None:
        """Send frames until every camera receives one back; ProcessError after CONNECT_LIMIT."""
        deadline = time.monotonic() + CONNECT_LIMIT
        while not all(camera.delays for camera in self.cameras.values()):
            if node.has_finished() or time.monotonic() > deadline:
                raise ProcessError(f'the restore node did not connect.\n{node.last_lines()}')
            self.send(0)
            time.sleep(0.2)
        time.sleep(1.0)
        for camera in self.cameras.values():
            camera.delays.clear()

    def send(self, index: int) -> None:
        """Publish frame `index` of every camera, with one stamp."""
        header = Header()
        header.stamp = self.node.get_clock().now().to_msg()
        for camera in self.cameras.values():
            camera.send(index, header)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if camera := self.cameras.get(status.hardware_id):
                camera.values = {pair.key: pair.value for pair in status.values}


def summarise_by_kind(cameras: Sequence[BenchmarkCamera], load: Load) -> dict[str, Any]:
    """Return a row for the `damaged` and one for the `intact` cameras, those that exist."""
    kinds = {'damaged': cameras[: load.damaged], 'intact': cameras[load.damaged :]}
    return {kind: summarise(members, load) for kind, members in kinds.items() if members}


def summarise(cameras: Sequence[BenchmarkCamera], load: Load) -> dict[str, Any]:
    """Return counts and times in milliseconds of several cameras.

    Of the times that diagnostics report for each camera, the largest counts.
    """
    delays = [seconds for camera in cameras for seconds in camera.delays]
    p50, p99 = np.percentile(delays, [50, 99]) * 1e3 if delays else (np.nan, np.nan)
    times = [_times(camera.values) for camera in cameras]
    return {
        'cameras': len(cameras),
        'sent': load.frames * len(cameras),
        'delivered': len(delays),
        **{name: max(own.get(name, 0.0) for own in times) for name in times[0]},
        'end_to_end_ms_p50': round(float(p50), 2),
        'end_to_end_ms_p99': round(float(p99), 2),
    }


def _times(values: Mapping[str, str]) -> dict[str, float]:
    """Read the percentiles of diagnostics, and add up those of the stages around the restorer."""
    times = {name: float(text) for name, text in values.items() if _is_time(name, text)}
    for percentile in ('p50', 'p99') if 'restored_ms_p50' in times else ():
        around = sum(times[f'stage.{stage.value}_ms_{percentile}'] for stage in AROUND)
        times[f'overhead_ms_{percentile}'] = round(around, 2)
    return times


def _is_time(name: str, text: str) -> bool:
    return name.endswith(('_p50', '_p99')) and text != 'n/a'


def run(load: Load) -> dict[str, Any]:
    """Send the load through the node; return the results. ProcessError if the node fails."""
    with isolated_ros() as folder:
        log = folder / 'restore_node.log'
        with Child('siammcvae_ros.restore_node', load.node_arguments(), log) as node:
            group = CameraGroup(load)
            with spinning(group.node):
                group.connect(node)
                growth = _stream(group, node, load)
                rows = summarise_by_kind(list(group.cameras.values()), load)
    return {
        'size': '{}x{}'.format(*load.size),
        'hz': load.hz,
        'lost': load.lost,
        'intact_every': load.intact_every,
        'qos': 'best_effort' if load.best_effort else 'reliable',
        'detector': load.detector,
        'weights': load.weights,
        'memory_growth': round(growth, 4),
        **rows,
    }


def _stream(group: CameraGroup, node: Child, load: Load) -> float:
    """Send all frames on time; return the share by which the node's memory grew."""
    memory, start = 0, time.monotonic()
    for index in tqdm(range(load.frames), unit='frame', disable=None):
        time.sleep(max(0.0, start + index / load.hz - time.monotonic()))
        if index == WARM_UP:
            memory = node.resident_bytes()
        group.send(index)
    time.sleep(2.0)
    return node.resident_bytes() / memory - 1 if memory else 0.0
