# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the restore node costs the streams of one camera or several that take frames together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
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

from siammcvae_core.faults.masks import make_mask
from siammcvae_core.simulation.drive import DriveSim
from siammcvae_ros.bridge.images import image_message, stamp_ns
from siammcvae_ros.frame_path.latency import Stage
from siammcvae_ros.tools.dds_domain import isolate
from siammcvae_ros.tools.processes import Child, ProcessError

SCENES = 30
WARM_UP = 100  # frames, before memory is measured
CONNECT_LIMIT = 60.0  # s
END_LIMIT = 5.0  # s
AROUND = (Stage.INTAKE, Stage.MASK_WAIT, Stage.QUEUE, Stage.PUBLISH)
"""What a restored frame passes beside the restorer."""
RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)


@dataclass(frozen=True)
class Load:
    """What is sent through the node: `frames` of `size` (W, H) from each camera, `hz` a second.

    Of `damaged` of the `cameras` a share `lost` of the rows is lost in all frames but every
    `intact_every`-th. `best_effort` and all that follows is how the node is set up.
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
        """Name the cameras, the damaged ones first."""
        return [f'camera{i}' for i in range(self.cameras)]

    def node_arguments(self) -> Sequence[str]:
        """Give the arguments of the restore node."""
        reliability = 'best_effort' if self.best_effort else 'reliable'
        values = {
            'cameras': f'[{", ".join(self.names)}]',
            'mask_wait': 0.5,
            'detector': self.detector,
            'weights': self.weights,
            'workers': self.workers,
        }
        for name in self.names:
            values[f'qos_overrides./{name}/image_raw.subscription.reliability'] = reliability
        settings = (('-p', f'{name}:={value}') for name, value in values.items())
        return ['--ros-args', *(word for setting in settings for word in setting)]


@dataclass
class Camera:
    """A camera that publishes `SCENES` frames over and over, and hears what the node makes of them.

    `took` are the seconds from publishing a frame to receiving it back, `values` what diagnostics
    say of the camera.
    """

    node: Node
    name: str
    load: Load
    scenes: Sequence[Image]
    lost: float
    took: list[float] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._images = self.node.create_publisher(Image, f'{self.name}/image_raw', RELIABLE)
        self._masks = self.node.create_publisher(Image, f'{self.name}/fault_mask', RELIABLE)
        restored = f'{self.name}/restored/image_raw'
        self.node.create_subscription(Image, restored, self._hear, RELIABLE)
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

    def _hear(self, msg: Image) -> None:
        self.took.append(time.monotonic() - self._sent.pop(stamp_ns(msg.header)))


class Cameras:
    """All cameras, which take their frames at the same time."""

    def __init__(self, load: Load) -> None:
        self._node = Node('benchmark')
        drive = DriveSim(size=load.size, frames=SCENES)
        scenes = [image_message(Header(), drive.render(i), 'bgr8') for i in range(SCENES)]
        self._cameras = {
            name: Camera(self._node, name, load, scenes, load.lost if i < load.damaged else 0.0)
            for i, name in enumerate(load.names)
        }
        self._node.create_subscription(DiagnosticArray, '/diagnostics', self._diagnose, 10)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def __enter__(self) -> 'Cameras':
        return self

    def __exit__(self, *raised: object) -> None:
        """Stop hearing; a thread that the process ended under would abort it."""
        self._executor.shutdown()
        self._thread.join(END_LIMIT)

    def connect(self, node: Child) -> None:
        """Wait until the node hears and is heard."""
        deadline = time.monotonic() + CONNECT_LIMIT
        while not all(camera.took for camera in self._cameras.values()):
            if node.has_finished() or time.monotonic() > deadline:
                raise ProcessError(f'the restore node did not connect.\n{node.last_lines()}')
            self.send(0)
            time.sleep(0.2)
        time.sleep(1.0)
        for camera in self._cameras.values():
            camera.took.clear()

    def send(self, index: int) -> None:
        """Publish frame `index` of every camera, with one stamp."""
        header = Header()
        header.stamp = self._node.get_clock().now().to_msg()
        for camera in self._cameras.values():
            camera.send(index, header)

    def rows(self, load: Load) -> dict[str, Any]:
        """Give the results of the intact and of the damaged cameras, those there are."""
        cameras = list(self._cameras.values())
        kinds = {'damaged': cameras[: load.damaged], 'intact': cameras[load.damaged :]}
        return {kind: _row(some, load) for kind, some in kinds.items() if some}

    def _diagnose(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if camera := self._cameras.get(status.hardware_id):
                camera.values = {pair.key: pair.value for pair in status.values}

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return


def _row(cameras: Sequence[Camera], load: Load) -> dict[str, Any]:
    """Sum up cameras; of what the node says of each, the worst counts."""
    took = [seconds for camera in cameras for seconds in camera.took]
    p50, p99 = np.percentile(took, [50, 99]) * 1e3 if took else (np.nan, np.nan)
    told = [
        {name: float(text) for name, text in camera.values.items() if _is_time(name, text)}
        for camera in cameras
    ]
    for times in told:
        for end in ('p50', 'p99') if 'restored_ms_p50' in times else ():
            spent = sum(times[f'stage.{stage.value}_ms_{end}'] for stage in AROUND)
            times[f'overhead_ms_{end}'] = round(spent, 2)
    return {
        'cameras': len(cameras),
        'sent': load.frames * len(cameras),
        'delivered': len(took),
        **{name: max(times.get(name, 0.0) for times in told) for name in told[0]},
        'end_to_end_ms_p50': round(float(p50), 2),
        'end_to_end_ms_p99': round(float(p99), 2),
    }


def _is_time(name: str, text: str) -> bool:
    return name.endswith(('_p50', '_p99')) and text != 'n/a'


def run(load: Load) -> dict[str, Any]:
    """Send the load through the node; give the results. ProcessError if the node fails."""
    with tempfile.TemporaryDirectory() as folder:
        isolate(Path(folder))
        rclpy.init(args=[])
        try:
            log = Path(folder) / 'restore_node.log'
            with (
                Child('siammcvae_ros.restore_node', load.node_arguments(), log) as node,
                Cameras(load) as cameras,
            ):
                cameras.connect(node)
                growth = _stream(cameras, node, load)
                rows = cameras.rows(load)
        finally:
            rclpy.try_shutdown()
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


def _stream(cameras: Cameras, node: Child, load: Load) -> float:
    """Send all frames on time; give the share by which the node's memory grew."""
    memory, start = 0, time.monotonic()
    for index in tqdm(range(load.frames), unit='frame', disable=None):
        time.sleep(max(0.0, start + index / load.hz - time.monotonic()))
        if index == WARM_UP:
            memory = node.resident_bytes()
        cameras.send(index)
    time.sleep(2.0)
    return node.resident_bytes() / memory - 1 if memory else 0.0
