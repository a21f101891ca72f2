# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The storm's end of DDS: sends and calls without waiting, hears everything, looks for hangs."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter
from rcl_interfaces.srv import SetParameters
from rclpy.executors import (
    ExternalShutdownException,
    ShutdownException,
    SingleThreadedExecutor,
)
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from siammcvae_ros.tools.processes import Child, ProcessError
from siammcvae_ros.tools.stress.account import Account, OUTPUTS, Violations
from siammcvae_ros.tools.stress.steps import CAMERAS, Change, Send, Transition

PULSE = 0.1  # s between two calls that look for a hang, and between two diagnostics
CALLS_OPEN = 8  # at most: a ROS service keeps 10, and forgets the oldest without a word
CONNECT_LIMIT = 60.0  # s
INPUTS = {'image_raw': Image, 'fault_mask': Image, 'camera_info': CameraInfo}
DEPTH = 1000
RELIABLE = QoSProfile(depth=DEPTH, reliability=ReliabilityPolicy.RELIABLE)
NODE = '/restore'


def arguments(weights: str) -> list[str]:
    """List what the node is started with: two cameras, and topics that lose as little as can be."""
    settings = [f'cameras:=[{",".join(CAMERAS)}]', f'weights:={weights}']
    settings.append(f'diagnostics_period:={PULSE}')
    for camera in CAMERAS:
        for topic in INPUTS:
            name = f'qos_overrides./{camera}/{topic}.subscription'
            settings += [f'{name}.reliability:=reliable', f'{name}.depth:={DEPTH // 10}']
        settings += [f'qos_overrides./{camera}/{o}.publisher.depth:={DEPTH}' for o in OUTPUTS]
    return ['--ros-args', *(text for setting in settings for text in ('-p', setting))]


class Rig:
    """Sends to the node, calls its services, and keeps the accounts of its cameras.

    `hang_limit` in seconds is how long the node may take to answer a call.
    """

    def __init__(self, node: Child, hang_limit: float) -> None:
        self.violations = Violations()
        self.accounts = {name: Account(name, self.violations) for name in CAMERAS}
        self.sent = 0
        self.slowest = 0.0
        """Seconds of the slowest answer to a call."""
        self._child = node
        self._hang_limit = hang_limit
        self._arrays = 0
        self._open: dict[Any, tuple[str, float]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._node = Node('storm')
        self._publishers = {
            (camera, topic): self._node.create_publisher(kind, f'{camera}/{topic}', RELIABLE)
            for camera in CAMERAS
            for topic, kind in INPUTS.items()
        }
        for camera in CAMERAS:
            for output in OUTPUTS:
                self._hear(camera, output)
        self._node.create_subscription(DiagnosticArray, '/diagnostics', self._diagnose, 10)
        self._state = self._node.create_client(GetState, f'{NODE}/get_state')
        self._change = self._node.create_client(ChangeState, f'{NODE}/change_state')
        self._set = self._node.create_client(SetParameters, f'{NODE}/set_parameters')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._threads = [
            threading.Thread(target=self._spin, daemon=True),
            threading.Thread(target=self._watch, daemon=True),
        ]

    def start(self) -> None:
        """Wait until the node hears and is heard, then begin to look for hangs."""
        self._threads[0].start()
        self.connect()
        self._threads[1].start()

    def connect(self) -> None:
        """Wait until every topic of ours has its other end; ProcessError if that does not come."""

        def connected() -> bool:
            outputs = (f'{camera}/{output}' for camera in CAMERAS for output in OUTPUTS)
            return (
                all(p.get_subscription_count() for p in self._publishers.values())
                and all(self._node.count_publishers(topic) for topic in outputs)
                and all(c.service_is_ready() for c in (self._state, self._change, self._set))
            )

        if not self.wait(connected, CONNECT_LIMIT):
            raise ProcessError(f'the restore node did not connect.\n{self._child.last_lines()}')
        time.sleep(1.0)  # both ends of a match: DDS tells only ours

    def stop(self) -> None:
        """Look and listen no more."""
        self._stop.set()
        self._executor.shutdown()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def send(self, send: Send) -> None:
        """Publish a message under its header, or as the bytes it is."""
        self.sent += 1
        if send.topic == 'image_raw':
            self.accounts[send.camera].send(send)
        message = send.shot.message
        if not isinstance(message, bytes):
            header = message.header
            header.frame_id = send.frame_id
            header.stamp.sec, header.stamp.nanosec = divmod(send.stamp, 10**9)
        self._publishers[send.camera, send.topic].publish(message)

    def call(self, step: Transition | Change) -> None:
        """Ask for a transition or a parameter; the answer is awaited by `settle`."""
        if isinstance(step, Transition):
            transition = ChangeState.Request()
            transition.transition.id, transition.transition.label = step.id, step.label
            self._ask(self._change, transition, str(step)[:80])
        else:
            parameter = Parameter(name=step.name, value=step.value)
            what = f'parameter {step.name!r} of type {step.value.type}'
            self._ask(self._set, SetParameters.Request(parameters=[parameter]), what)

    def settle(self) -> None:
        """Wait until every call is answered or overdue, and diagnostics have spoken twice since."""
        while self._overdue():
            time.sleep(0.002)
        before, limit = self._arrays, self._hang_limit + 2 * PULSE
        if not self.wait(lambda: self._arrays >= before + 2, limit):
            self.violations.add('diagnostics silent', f'for {limit} s, {self.sent} messages sent')

    def wait(self, condition: Callable[[], bool], limit: float) -> bool:
        """Wait for a condition; False if it did not come within `limit` seconds."""
        deadline = time.monotonic() + limit
        while not condition():
            if self._child.has_finished():
                raise ProcessError(f'the restore node ended.\n{self._child.last_lines()}')
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def _ask(self, client: Any, request: Any, what: str) -> None:
        while self._overdue() >= CALLS_OPEN:
            time.sleep(0.002)
        began = time.monotonic()
        future = client.call_async(request)
        with self._lock:
            self._open[future] = (what, began)
        future.add_done_callback(partial(self._answered, what, began))

    def _answered(self, what: str, began: float, future: Any) -> None:
        with self._lock:
            self._open.pop(future, None)
        self._took(what, time.monotonic() - began)

    def _overdue(self) -> int:
        """Give up on calls without an answer; return how many are still waited for.

        Should one be answered after all, it is a hang besides.
        """
        now = time.monotonic()
        with self._lock:
            late = [f for f, (_, began) in self._open.items() if now - began > self._hang_limit]
            for future in late:
                what, _ = self._open.pop(future)
                self.violations.add('no answer', f'{what}, {self.sent} messages sent')
            return len(self._open)

    def _took(self, what: str, seconds: float) -> None:
        self.slowest = max(self.slowest, seconds)
        if seconds > self._hang_limit:
            self.violations.add('hang', f'{what}: {seconds:.2f} s, {self.sent} messages sent')

    def _watch(self) -> None:
        while not self._stop.wait(PULSE):
            began = time.monotonic()
            answer = self._state.call_async(GetState.Request())
            while not answer.done() and not self._stop.is_set():
                time.sleep(0.002)
            self._took('get_state', time.monotonic() - began)

    def _hear(self, camera: str, output: str) -> None:
        hear = self.accounts[camera].hear
        topic = f'{camera}/{output}'
        self._node.create_subscription(Image, topic, lambda m: hear(output, m), RELIABLE)

    def _diagnose(self, message: DiagnosticArray) -> None:
        cameras = {s.hardware_id: s.values for s in message.status if s.hardware_id in CAMERAS}
        for name, account in self.accounts.items():
            if name in cameras:
                account.diagnose({pair.key: pair.value for pair in cameras[name]})
            else:
                account.restart()
        self._arrays += 1

    def _spin(self) -> None:
        # It ends when shut down by us, or by a Ctrl-C.
        with suppress(ExternalShutdownException, ShutdownException):
            self._executor.spin()
