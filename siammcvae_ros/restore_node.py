# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Lifecycle node that restores the frames of one or more cameras. Wiring only.

One executor thread takes messages, checks them and lets intact frames out; worker threads restore.
"""

from collections.abc import Mapping
import signal

if __name__ == '__main__':  # while the imports below take their time, Ctrl-C ends it quietly
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import sys
import time
from types import MappingProxyType
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from siammcvae_core.engines import Engine
from siammcvae_core.engines.engine_cache import BuildPolicy
from siammcvae_core.engines.factory import load_engine
from siammcvae_core.errors import InputError
from siammcvae_core.restore.restored_frame import RestoreMethod
from siammcvae_core.restore.restorer import Restorer
from siammcvae_ros.bridge.camera_topics import CameraTopics
from siammcvae_ros.bridge.compressed import ImageTransport
from siammcvae_ros.bridge.diagnostics import node_status
from siammcvae_ros.bridge.diagnostics_publisher import DiagnosticsPublisher, status_name
from siammcvae_ros.bridge.guards import guard_services, report_failure, spin
from siammcvae_ros.bridge.node_process import run
from siammcvae_ros.bridge.trigger import Triggers
from siammcvae_ros.frame_path.camera import Camera
from siammcvae_ros.frame_path.inspection import DetectorMode, Inspection
from siammcvae_ros.frame_path.late_masks import unite
from siammcvae_ros.frame_path.mask_matching import MaskMatcher, MaskMode
from siammcvae_ros.frame_path.output_queue import OutputQueue
from siammcvae_ros.frame_path.policy import FramePolicy, MissingMask, OnFailure
from siammcvae_ros.frame_path.workers import Workers
from siammcvae_ros.restore_parameters import PARAMETERS

WORKER_STOP_TIMEOUT = 3.0  # seconds; launch waits 5 before it escalates


class RestoreNode(LifecycleNode):
    """Restores damaged frames of its cameras, and passes intact ones on.

    Unconfigured it only has parameters; configured it has loaded the engine and created its topics;
    active it serves frames. Frames that come while it is not active are ignored and not counted.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('restore', **kwargs)
        self.trouble = ''
        self._lifecycle_state = 'unconfigured'
        self._engine: Engine | None = None
        self._policy = FramePolicy()
        self._cameras: list[Camera] = []
        self._topics: list[CameraTopics] = []
        self._triggers = Triggers(self, '')
        self._workers = Workers(self.get_logger().error)
        self.add_on_set_parameters_callback(self._on_set_parameters)
        PARAMETERS.declare(self)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        guard_services(self)
        self._expiry_timer = self.create_timer(1.0, self._expire, clock=steady)
        self._expiry_timer.cancel()
        self._diagnostics = DiagnosticsPublisher(self)
        self.create_timer(self._value('diagnostics_period'), self._diagnose, clock=steady)

    @report_failure
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the engine and create the topics; FAILURE, with the reason logged, if that fails."""
        try:
            self._set_up()
        except Exception:
            self._release()
            raise
        self._lifecycle_state = 'inactive'
        return super().on_configure(state)

    def _set_up(self) -> None:
        self._check_topics(self._value('cameras'))
        policy = BuildPolicy(self._value('engine_policy'))
        self._engine = load_engine(self._value('weights'), policy)
        self._check_weights(self._value('weights_sha256'))
        detector = DetectorMode(self._value('detector'))
        mode = MaskMode(self._value('mask_mode'))
        if detector is DetectorMode.ONLY:
            mode = MaskMode.OFF
        off = detector is DetectorMode.OFF
        self._triggers = Triggers(self, '' if off else self._value('detector_trigger'))
        for prefix in self._value('cameras'):
            name = prefix or self.get_namespace().strip('/') or self.get_name()
            topics = CameraTopics(self, prefix, ImageTransport(self._value('image_transport')))
            camera = Camera(
                name,
                Restorer(self._engine, best_method=RestoreMethod(self._value('rung_limit'))),
                MaskMatcher(mode, unite=unite),
                OutputQueue(topics),
                self._policy,
                self._workers.wake,
                Inspection(detector, self._triggers.of(name).is_ok),
            )
            self._topics.append(topics)
            self._cameras.append(camera)
        self._apply_parameters()
        for topics, camera in zip(self._topics, self._cameras, strict=True):
            topics.listen(camera, mode is not MaskMode.OFF, self._is_active, self._schedule_expiry)
        self._diagnostics.start([camera.snapshot() for camera in self._cameras])

    def _check_topics(self, cameras: list[str]) -> None:
        """Check that no two cameras, of whatever names, come down to one topic."""
        served: dict[str, str] = {}
        for prefix in cameras:
            topic = self.resolve_topic_name(f'{prefix}/image_raw' if prefix else 'image_raw')
            if topic in served:
                raise InputError(f"cameras: '{served[topic]}' and '{prefix}' are both {topic}")
            served[topic] = prefix

    def _check_weights(self, expected: str) -> None:
        actual = 'no model' if self._engine is None else self._engine.describe()['sha256']
        if expected and actual != expected.lower():
            raise InputError(f'weights_sha256: expected {expected}, got {actual}')

    @report_failure
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start serving."""
        result = super().on_activate(state)
        self._workers.start(self._cameras, self._value('workers'))
        self._lifecycle_state = 'active'
        names = ', '.join(camera.name for camera in self._cameras)
        model = 'motion alone, without a model'
        if self._engine is not None:
            engine = self._engine.describe()
            model = '{profile} ({weights}) on {device}, {name} {dtype}'.format_map(engine)
        self.get_logger().info(f'serving {names}; restoring with {model}')
        return result

    @report_failure
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop serving; frames not finished are dropped and counted."""
        self.stop_serving()
        return super().on_deactivate(state)

    @report_failure
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the engine and destroy the topics."""
        self._release()
        return super().on_cleanup(state)

    @report_failure
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop serving and free everything; the node cannot be configured again."""
        self.stop_serving()
        self._release()
        self._lifecycle_state = 'finalized'
        return super().on_shutdown(state)

    def start(self) -> None:
        """Configure and activate without a lifecycle manager."""
        if self.trigger_configure() is TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def stop_serving(self) -> None:
        """End the workers and drop unfinished frames; does nothing unless active."""
        if not self._is_active():
            return
        self._lifecycle_state = 'inactive'
        self._expiry_timer.cancel()
        if not self._workers.stop(WORKER_STOP_TIMEOUT):
            self.get_logger().error(f'a restoration did not end within {WORKER_STOP_TIMEOUT} s')
        for camera in self._cameras:
            camera.stop()

    def _release(self) -> None:
        for topics in self._topics:
            topics.destroy()
        self._triggers.destroy()
        self._topics, self._cameras = [], []
        self._engine = None
        self._lifecycle_state = 'unconfigured'

    def _is_active(self) -> bool:
        return self._lifecycle_state == 'active'

    def _value(self, name: str) -> Any:
        return PARAMETERS.value(self, name)

    def _on_set_parameters(self, changed: list[Parameter]) -> SetParametersResult:
        reason = PARAMETERS.rejection(changed, self._lifecycle_state == 'unconfigured')
        if not reason and self._cameras:
            self._apply_parameters({parameter.name: parameter.value for parameter in changed})
            if self._is_active():
                self._schedule_expiry()
        return SetParametersResult(successful=not reason, reason=reason)

    def _apply_parameters(self, changed: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Put the parameters that may change while active into force; `changed` are not set yet."""

        def value(name: str) -> Any:
            return changed[name] if name in changed else self._value(name)

        self._policy.on_failure = OnFailure(value('on_failure'))
        self._policy.missing_mask = MissingMask(value('missing_mask'))
        self._policy.model_budget = value('model_budget')
        self._policy.conceal_missing = value('conceal_missing')
        for camera in self._cameras:
            camera.matcher.wait = value('mask_wait')
            camera.matcher.slop = round(value('mask_slop') * 1e9)
            camera.output_queue.max_hold = value('max_hold')
            camera.restorer.max_reference_age = value('max_reference_age')

    def _schedule_expiry(self) -> None:
        deadlines = [camera.deadline for camera in self._cameras]
        deadline = min((d for d in deadlines if d is not None), default=None)
        if deadline is None:
            self._expiry_timer.cancel()
            return
        self._expiry_timer.timer_period_ns = max(0, round((deadline - time.monotonic()) * 1e9))
        self._expiry_timer.reset()

    def _expire(self) -> None:
        for camera in self._cameras:
            camera.expire(time.monotonic())
        self._schedule_expiry()

    def _diagnose(self) -> None:
        engine = {'name': 'none'} if self._engine is None else self._engine.describe()
        self._diagnostics.publish(
            node_status(status_name(self), self._lifecycle_state, self.trouble, engine),
            [(c.snapshot(), t.status) for c, t in zip(self._cameras, self._topics, strict=True)],
            self._value('stale_after'),
        )


def main(args: list[str] | None = None) -> int:
    """Run the node until it is stopped; exit status 2 if its parameters cannot be used."""

    def build() -> RestoreNode:
        node = RestoreNode()
        if node.get_parameter('autostart').value:
            node.start()
        return node

    def serve(node: RestoreNode) -> None:
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        spin(executor, node.get_logger().error)
        node.stop_serving()
        node.destroy_node()

    return run('restore_node', args, build, serve)


if __name__ == '__main__':
    sys.exit(main())
