# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Node that plays a bag, a video or the rendered drive onto camera topics, with faults."""

from collections.abc import Sequence
import signal

if __name__ == '__main__':  # while the imports below take their time, Ctrl-C ends it quietly
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import sys
import threading
import time
from typing import Any

from builtin_interfaces.msg import Time
from rclpy import clock
from rclpy.duration import Duration
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    NameValidationException,
)
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.task import Future
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool

from siammcvae_core.detection.lossy_clip import open_recording
from siammcvae_core.errors import InputError
from siammcvae_core.faults.camera import FaultInjector
from siammcvae_ros.bridge.camera_info import pinhole_camera_info, recorded_camera_info
from siammcvae_ros.bridge.images import image_message
from siammcvae_ros.bridge.node_process import run
from siammcvae_ros.replay.playback import Playback, PlaybackFrame
from siammcvae_ros.replay_parameters import PARAMETERS

NANO = 10**9
USER_ERRORS = (
    InputError,
    InvalidParameterTypeException,
    InvalidParameterValueException,
    NameValidationException,
)
# A subscriber may discover this publisher later than the reverse; frames until then are lost.
DISCOVERY_TIME = 0.5  # seconds
# A reliable subscriber that missed a last frame asks for it at the next heartbeat (Fast DDS: 3 s).
ACKNOWLEDGE_TIMEOUT = Duration(seconds=4)


class ReplayNode(Node):
    """Publishes image_raw, camera_info and fault_mask, and /clock on request.

    A worker thread plays; publishers are created and destroyed on the executor's thread alone.
    `finished` is done when playback has ended, with the exception that ended it, if any.
    """

    def __init__(self) -> None:
        super().__init__('replay')
        PARAMETERS.declare(self)
        specs = [spec for spec in self._value('faults') if spec]
        probability = self._value('fault_probability') if specs else 0.0
        faults = FaultInjector(specs, probability, self._value('seed'), self._value('fault_burst'))
        source = open_recording(self._value('source'), self._value('topic'))
        self._playback = Playback(
            source,
            faults,
            speed=self._value('rate'),
            max_hz=self._value('max_hz'),
            loop=self._value('loop'),
            frames=self._value('frames'),
            mask_scale=self._value('mask_scale'),
            paused=self._value('start_paused'),
        )
        self._origin = 0
        if not source.stamped:
            self._origin = round(self._value('stamp_origin') * NANO) or time.time_ns()
        self._recorded_info = source.camera_info()

        self._image_publisher = self._publisher(Image, 'image_raw')
        self._camera_info_publisher = self._publisher(CameraInfo, 'camera_info')
        self._mask_publisher = self._publisher(Image, 'fault_mask')
        self._clock_publisher = None
        if self._value('publish_clock'):
            self._clock_publisher = self.create_publisher(Clock, '/clock', 10)
        self.create_service(SetBool, '~/pause', self._pause)
        self.get_logger().info(
            f'{source.name}: {len(source)} frames of {source.size[0]}x{source.size[1]} at '
            f'{source.rate:.4g} Hz onto {self._image_publisher.topic_name}'
        )
        self.finished: Future = Future()
        self._worker = threading.Thread(target=self._play, name='playback', daemon=True)
        self._worker.start()
        self._subscribed_since: float | None = None
        # Not on ROS time, which stands still until this node itself publishes /clock.
        self._waiting = self.create_timer(
            0.05,
            self._start_when_subscribed,
            clock=clock.Clock(clock_type=clock.ClockType.STEADY_TIME),
        )

    def close(self) -> None:
        """Stop playback and wait for its thread; the node may be destroyed afterwards."""
        self._playback.stop()
        self._worker.join()

    def summary(self) -> str:
        """Return one line: frames published, and how many of them each fault damaged."""
        damaged = self._playback.damaged
        faults = ', '.join(f'{fault} {count}' for fault, count in sorted(damaged.items()))
        tail = f' ({faults})' if faults else ''
        return f'replayed {self._playback.delivered} frames, {damaged.total()} damaged{tail}'

    def _value(self, name: str) -> Any:
        return PARAMETERS.value(self, name)

    def _publisher(self, kind: type, name: str) -> Publisher:
        camera = self._value('camera').rstrip('/')
        return self.create_publisher(
            kind,
            f'{camera}/{name}' if camera else name,
            QoSProfile(depth=2, reliability=QoSReliabilityPolicy.RELIABLE),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def _start_when_subscribed(self) -> None:
        expected = self._value('wait_for_subscribers')
        now = time.monotonic()
        if self._image_publisher.get_subscription_count() < expected:
            self._subscribed_since = None
        elif self._subscribed_since is None:
            self._subscribed_since = now
        since = self._subscribed_since
        if expected and (since is None or now - since < DISCOVERY_TIME):
            return
        self._waiting.cancel()
        self._playback.start()

    def _pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._playback.pause(request.data)
        response.success = True
        response.message = 'paused' if request.data else 'playing'
        return response

    def _play(self) -> None:
        """Run the playback and wait until its last frames have been received; worker thread."""
        try:
            self._playback.run(self._messages, self._publish, self.get_logger().warning)
            for publisher in (
                self._mask_publisher,
                self._camera_info_publisher,
                self._image_publisher,
            ):
                publisher.wait_for_all_acked(ACKNOWLEDGE_TIMEOUT)
        except Exception as error:
            if self.context.ok():  # else publishing failed because the context is shut down
                self.finished.set_exception(error)
                return
        self.finished.set_result(None)

    def _messages(self, played: PlaybackFrame) -> list[tuple[Publisher, Any]]:
        """Build the messages of a frame in the order of publication: clock, mask, image last."""
        frame = played.frame
        stamp = Time()
        stamp.sec, stamp.nanosec = divmod(self._origin + frame.stamp, NANO)
        header = Header(stamp=stamp, frame_id=frame.frame_id)
        messages: list[tuple[Publisher, Any]] = [
            (self._mask_publisher, image_message(header, played.mask, 'mono8')),
            (self._camera_info_publisher, self._camera_info(header, *frame.image.shape[1::-1])),
            (self._image_publisher, image_message(header, frame.image, frame.encoding)),
        ]
        if self._clock_publisher is not None:
            messages.insert(0, (self._clock_publisher, Clock(clock=stamp)))
        return messages

    def _publish(self, messages: Sequence[tuple[Publisher, Any]]) -> None:
        for publisher, message in messages:
            publisher.publish(message)

    def _camera_info(self, header: Header, width: int, height: int) -> CameraInfo:
        recorded = self._recorded_info
        if recorded is None:
            info = pinhole_camera_info(width, height)
        else:
            info = recorded_camera_info(recorded)
        info.header = header
        return info


def main(args: list[str] | None = None) -> int:
    """Play to the end; exit status 0, or 2 for a source or parameter that cannot be used."""

    def serve(node: ReplayNode) -> None:
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        try:
            executor.spin_until_future_complete(node.finished)
            if node.finished.done():
                node.finished.result()
                node.get_logger().info(node.summary())
        finally:
            node.close()
            node.destroy_node()

    return run('replay', args, ReplayNode, serve)


if __name__ == '__main__':
    sys.exit(main())
