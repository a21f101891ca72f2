# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ROS side of the stress test: sends, calls, and checks all that the node publishes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter
from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

from siammcvae_ros.tools.processes import Child, ProcessError
from siammcvae_ros.tools.ros_session import parameter_arguments, reliable
from siammcvae_ros.tools.stress.actions import CAMERAS, LifecycleCall, SendMessage, SetParameter
from siammcvae_ros.tools.stress.checks import CameraChecker, OUTPUTS, Violations

PERIOD = 0.1  # s, of diagnostics and of the calls that detect a hang
MAX_OPEN_CALLS = 8  # a ROS service queues 10 and drops the oldest silently
CONNECT_LIMIT = 60.0  # s
INPUTS = {'image_raw': Image, 'fault_mask': Image, 'camera_info': CameraInfo}
DEPTH = 1000
RELIABLE = reliable(DEPTH)
NODE = '/restore'


def node_arguments(weights: str) -> list[str]:
    """Return the command line arguments of the node: two cameras, reliable and deep queues."""
    parameters: dict[str, object] = {
        'cameras': f'[{",".join(CAMERAS)}]',
        'weights': weights,
        'diagnostics_period': PERIOD,
    }
    for camera in CAMERAS:
        for topic in INPUTS:
            name = f'qos_overrides./{camera}/{topic}.subscription'
            parameters[f'{name}.reliability'] = 'reliable'
            parameters[f'{name}.depth'] = DEPTH // 10
        for output in OUTPUTS:
            parameters[f'qos_overrides./{camera}/{output}.publisher.depth'] = DEPTH
    return parameter_arguments(parameters)


class StressHarness:
    """Sends to the node, calls its services, and passes its outputs to a checker per camera.

    Callbacks need the ROS node, `node`, to spin. The restore node runs as `child`; it may take up
    to `hang_limit` seconds to answer a call.
    """

    def __init__(self, child: Child, hang_limit: float) -> None:
        self.violations = Violations()
        self.checkers = {name: CameraChecker(name, self.violations) for name in CAMERAS}
        self.sent = 0
        self.slowest = 0.0
        """Seconds of the slowest answer to a call."""
        self._child = child
        self._hang_limit = hang_limit
        self._diagnostics_received = 0
        self._open_calls: dict[Any, tuple[str, float]] = {}
        self._lock = threading.Lock()
        self.node = Node('stress')
        self._publishers = {
            (camera, topic): self.node.create_publisher(kind, f'{camera}/{topic}', RELIABLE)
            for camera in CAMERAS
            for topic, kind in INPUTS.items()
        }
        for camera in CAMERAS:
            for output in OUTPUTS:
                self._subscribe(camera, output)
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._diagnose, 10)
        self._state = self.node.create_client(GetState, f'{NODE}/get_state')
        self._change = self.node.create_client(ChangeState, f'{NODE}/change_state')
        self._set = self.node.create_client(SetParameters, f'{NODE}/set_parameters')

    def connect(self) -> None:
        """Wait until every topic and service is connected; ProcessError after CONNECT_LIMIT."""

        def connected() -> bool:
            outputs = (f'{camera}/{output}' for camera in CAMERAS for output in OUTPUTS)
            return (
                all(p.get_subscription_count() for p in self._publishers.values())
                and all(self.node.count_publishers(topic) for topic in outputs)
                and all(c.service_is_ready() for c in (self._state, self._change, self._set))
            )

        if not self.wait(connected, CONNECT_LIMIT):
            raise ProcessError(f'the restore node did not connect.\n{self._child.last_lines()}')
        time.sleep(1.0)  # the other side may match later, and DDS reports only this one

    @contextmanager
    def hang_detection(self) -> Iterator[None]:
        """Call the node every PERIOD, and count every answer that takes too long."""
        stop = threading.Event()
        thread = threading.Thread(target=self._call_repeatedly, args=(stop,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def send(self, action: SendMessage) -> None:
        """Publish a message with the header of the action, or raw bytes as they are."""
        self.sent += 1
        if action.topic == 'image_raw':
            self.checkers[action.camera].expect(action)
        message = action.template.message
        if not isinstance(message, bytes):
            header = message.header
            header.frame_id = action.frame_id
            header.stamp.sec, header.stamp.nanosec = divmod(action.stamp, 10**9)
        self._publishers[action.camera, action.topic].publish(message)

    def call(self, action: LifecycleCall | SetParameter) -> None:
        """Call a service; `wait_for_idle` waits for the answer."""
        if isinstance(action, LifecycleCall):
            transition = ChangeState.Request()
            transition.transition.id, transition.transition.label = action.id, action.label
            self._call(self._change, transition, str(action)[:80])
        else:
            parameter = Parameter(name=action.name, value=action.value)
            description = f'parameter {action.name!r} of type {action.value.type}'
            request = SetParameters.Request(parameters=[parameter])
            self._call(self._set, request, description)

    def wait_for_idle(self) -> None:
        """Wait until every call is answered or overdue, and then for two diagnostics messages."""
        self.wait_for_answers()
        before, limit = self._diagnostics_received, self._hang_limit + 2 * PERIOD
        if not self.wait(lambda: self._diagnostics_received >= before + 2, limit):
            self.violations.add('diagnostics silent', f'for {limit} s, {self.sent} messages sent')

    def wait_for_answers(self) -> None:
        """Wait until every call is answered or overdue."""
        while self._count_open_calls():
            time.sleep(0.002)

    def wait(self, condition: Callable[[], bool], limit: float) -> bool:
        """Wait until `condition()` is true; False if it is not within `limit` seconds."""
        deadline = time.monotonic() + limit
        while not condition():
            if self._child.has_finished():
                raise ProcessError(f'the restore node ended.\n{self._child.last_lines()}')
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def _call(self, client: Any, request: Any, description: str) -> None:
        while self._count_open_calls() >= MAX_OPEN_CALLS:
            time.sleep(0.002)
        start = time.monotonic()
        future = client.call_async(request)
        with self._lock:
            self._open_calls[future] = (description, start)
        future.add_done_callback(partial(self._answered, description, start))

    def _answered(self, description: str, start: float, future: Any) -> None:
        with self._lock:
            self._open_calls.pop(future, None)
        self._check_duration(description, time.monotonic() - start)

    def _count_open_calls(self) -> int:
        """Give up on calls that are overdue; return how many others have no answer yet.

        A call that is answered after all is counted as a hang too.
        """
        now = time.monotonic()
        with self._lock:
            late = [
                f for f, (_, start) in self._open_calls.items() if now - start > self._hang_limit
            ]
            for future in late:
                description, _ = self._open_calls.pop(future)
                self.violations.add('no answer', f'{description}, {self.sent} messages sent')
            return len(self._open_calls)

    def _check_duration(self, description: str, seconds: float) -> None:
        self.slowest = max(self.slowest, seconds)
        if seconds > self._hang_limit:
            self.violations.add(
                'hang', f'{description}: {seconds:.2f} s, {self.sent} messages sent'
            )

    def _call_repeatedly(self, stop: threading.Event) -> None:
        while not stop.wait(PERIOD):
            start = time.monotonic()
            answer = self._state.call_async(GetState.Request())
            while not answer.done() and not stop.is_set():
                time.sleep(0.002)
            self._check_duration('get_state', time.monotonic() - start)

    def _subscribe(self, camera: str, output: str) -> None:
        check = self.checkers[camera].check_output
        topic = f'{camera}/{output}'
        self.node.create_subscription(Image, topic, lambda m: check(output, m), RELIABLE)

    def _diagnose(self, message: DiagnosticArray) -> None:
        cameras = {s.hardware_id: s.values for s in message.status if s.hardware_id in CAMERAS}
        for name, checker in self.checkers.items():
            if name in cameras:
                checker.check_diagnostics({pair.key: pair.value for pair in cameras[name]})
            else:
                checker.restart()
        self._diagnostics_received += 1
