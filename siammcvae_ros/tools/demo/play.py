# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Plays the drive: restore node and replay node as processes, recorded by this one."""

from collections.abc import Sequence
from dataclasses import dataclass
import json
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
import rclpy
from rclpy.signals import SignalHandlerOptions
from tqdm import tqdm

from siammcvae_ros.tools.dds_domain import isolate
from siammcvae_ros.tools.demo.diagnostics import CameraDiagnostics
from siammcvae_ros.tools.demo.folder import OutputFolder
from siammcvae_ros.tools.demo.recorder import Recorder, TOPICS
from siammcvae_ros.tools.processes import Child, ProcessError

CAMERA = 'front'
NODE = 'restore'
READY_LIMIT = 120.0  # s, for the node to load its engine
STALL_LIMIT = 30.0  # s without a frame
SETTLE_LIMIT = 10.0  # s after the last frame, for all frames to be counted
SETTLED_FOR = 1.0  # s without a change
TICK = 0.1  # s
QUIET = ('--ros-args', '--disable-external-lib-logs')  # no files in ~/.ros; stderr is kept
DEPTH = 10  # messages, of publisher and subscription


@dataclass(frozen=True)
class PlaySettings:
    """Parameters of the replay node, and the weights to restore with.

    `stamp_origin` is in seconds; `frames` 0 = all.
    """

    source: str
    topic: str
    frames: int
    max_hz: float
    faults: Sequence[str]
    probability: float
    burst: int
    seed: int
    weights: str
    stamp_origin: int


@dataclass(frozen=True)
class PlayResult:
    """Diagnostics of the camera whenever they changed, frames recorded, and the engine in use."""

    history: Sequence[CameraDiagnostics]
    recorded: int
    engine: dict[str, str]
    rmw: str

    @property
    def diagnostics(self) -> CameraDiagnostics:
        """The last diagnostics of the camera."""
        return self.history[-1]


def play(settings: PlaySettings, folder: OutputFolder, expected: int) -> PlayResult:
    """Play a drive of about `expected` frames through the real node and record what comes out.

    Raises ProcessError, with the end of the log concerned, when a process ends early or stalls.
    """
    isolate(folder.path)
    folder.parameters.write_text(json.dumps(_parameters(settings), indent=2) + '\n')
    arguments = (*QUIET, '--params-file', str(folder.parameters.absolute()))
    rclpy.init(args=[*QUIET], signal_handler_options=SignalHandlerOptions.NO)
    try:
        with (
            Recorder(folder.bag, NODE, CAMERA) as recorder,
            Child('siammcvae_ros.restore_node', arguments, folder.node_log) as node,
        ):
            _await_active(recorder, node)
            with Child('siammcvae_ros.replay_node', arguments, folder.replay_log) as replay:
                _await_end(recorder, node, replay, expected)
            _settle(recorder, node)
            return PlayResult(
                recorder.history,
                recorder.images,
                _engine(recorder.node_status),
                rclpy.get_rmw_implementation_identifier(),
            )
    finally:
        rclpy.try_shutdown()


def _parameters(settings: PlaySettings) -> dict[str, Any]:
    """Return the parameters of both nodes; as JSON, they are a ROS parameter file."""
    # All frames shall arrive, even on a busy machine: reliable transport, long waits.
    quality = {'reliability': 'reliable', 'history': 'keep_last', 'depth': DEPTH}
    sent = [f'/{CAMERA}/{topic}' for topic in ('image_raw', 'fault_mask', 'camera_info')]
    restored = [f'/{CAMERA}/{topic}' for topic in TOPICS]
    restore = {
        'cameras': [CAMERA],
        'weights': settings.weights,
        'mask_wait': 1.0,
        'max_hold': 0.2,
        'diagnostics_period': 0.1,
        'qos_overrides': {
            **{topic: {'subscription': quality} for topic in sent},
            **{topic: {'publisher': quality} for topic in restored},
        },
    }
    replay = {
        'source': settings.source,
        'topic': settings.topic,
        'camera': CAMERA,
        'frames': settings.frames,
        'max_hz': float(settings.max_hz),
        'faults': list(settings.faults),
        'fault_probability': float(settings.probability),
        'fault_burst': settings.burst,
        'seed': settings.seed,
        'stamp_origin': float(settings.stamp_origin),
        'wait_for_subscribers': 1,
        'qos_overrides': {topic: {'publisher': quality} for topic in sent},
    }
    return {NODE: {'ros__parameters': restore}, 'replay': {'ros__parameters': replay}}


def _await_active(recorder: Recorder, node: Child) -> None:
    deadline = time.monotonic() + READY_LIMIT
    while True:
        recorder.listen(TICK)
        _check_running(node)
        status = recorder.node_status
        if status is not None and status.level == DiagnosticStatus.ERROR:
            raise ProcessError(f'the restore node cannot start: {status.message}')
        if status is not None and status.message == 'active' and recorder.history:
            return
        if time.monotonic() > deadline:
            raise ProcessError(
                f'the restore node was not ready within {READY_LIMIT:.0f} s.\n{node.last_lines()}'
            )


def _await_end(recorder: Recorder, node: Child, replay: Child, expected: int) -> None:
    last_change, received = time.monotonic(), 0
    with tqdm(total=expected, desc='playing', unit='frame', disable=None) as bar:
        while not replay.has_finished():
            recorder.listen(TICK)
            _check_running(node)
            bar.update(recorder.images - bar.n)
            if recorder.diagnostics.received > received:
                last_change, received = time.monotonic(), recorder.diagnostics.received
            elif time.monotonic() > last_change + STALL_LIMIT:
                raise ProcessError(
                    f'no frame reached the restore node for {STALL_LIMIT:.0f} s, '
                    f'after {received}.\n'
                    f'{replay.last_lines()}\n{node.last_lines()}'
                )


def _settle(recorder: Recorder, node: Child) -> None:
    """Record until every frame is counted and nothing changes; the report shows what is missing."""
    deadline = time.monotonic() + SETTLE_LIMIT
    last_change, latest = time.monotonic(), (0, 0)
    while time.monotonic() < deadline:
        recorder.listen(TICK)
        _check_running(node)
        now = (recorder.diagnostics.received, recorder.images)
        if now != latest:
            last_change, latest = time.monotonic(), now
        complete = (
            recorder.diagnostics.is_settled and recorder.images == recorder.diagnostics.frames_out
        )
        if complete and time.monotonic() > last_change + SETTLED_FOR:
            return


def _check_running(node: Child) -> None:
    if node.has_finished():
        raise ProcessError(f'{node.name} ended before the drive did.\n{node.last_lines()}')


def _engine(status: DiagnosticStatus | None) -> dict[str, str]:
    values = [] if status is None else status.values
    return {pair.key.removeprefix('engine.'): pair.value for pair in values}
