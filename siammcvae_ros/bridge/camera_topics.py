# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The topics of one camera: passes messages to `Camera` and publishes the frames it returns."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from functools import partial
import time
from typing import Any

import numpy as np
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSPolicyKind, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from siammcvae_core.data.encodings import image_view, restored_pixels
from siammcvae_core.data.masks import compressed_mask, raw_mask
from siammcvae_core.errors import FrameError
from siammcvae_core.restore.restored_frame import RestoredFrame
from siammcvae_ros.bridge.camera_state import SubscriptionStatus
from siammcvae_ros.bridge.compressed import decoded, ImageTransport
from siammcvae_ros.bridge.images import image_message, stamp_ns
from siammcvae_ros.frame_path.camera import Camera
from siammcvae_ros.frame_path.output_queue import CameraFrame

IMAGE_IN = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
MASK_IN = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
OUT = QoSProfile(depth=2, reliability=ReliabilityPolicy.RELIABLE)
MAX_ERROR = 255.0  # grey levels: expected error of a lost pixel that is not restored


class CameraTopics:
    """Subscriptions and publishers of one camera, under `prefix` in the node's namespace.

    Implements `siammcvae_ros.frame_path.output_queue.Output`.
    """

    def __init__(self, node: LifecycleNode, prefix: str, transport: ImageTransport) -> None:
        self._node = node
        self._prefix = f'{prefix}/' if prefix else ''
        self._compressed = transport is ImageTransport.COMPRESSED
        self._image_in = 'image_raw/compressed' if self._compressed else 'image_raw'
        self._masks_in: dict[str, type] = {'fault_mask': Image}
        if self._compressed:
            self._masks_in['fault_mask/compressed'] = CompressedImage
        self._camera_info: CameraInfo | None = None
        self._incompatible_qos: dict[str, tuple[str, Callable[[str], int]]] = {}
        self._subscriptions: list[Any] = []
        self._image = self._publisher(Image, 'restored/image_raw')
        self._info = self._publisher(CameraInfo, 'restored/camera_info')
        self._mask = self._publisher(Image, 'restored/mask')
        self._uncertainty = self._publisher(Image, 'restored/uncertainty')

    def listen(
        self,
        camera: Camera,
        masks: bool,
        active: Callable[[], bool],
        after: Callable[[], None],
    ) -> None:
        """Subscribe, and pass messages to `camera` while `active()`, then call `after()`.

        Fault masks are subscribed to only if `masks` is true.
        """

        def on_mask(msg: Image | CompressedImage) -> None:
            if not active():
                return
            try:
                mask: np.ndarray | FrameError
                compressed = isinstance(msg, CompressedImage)
                mask = compressed_mask(bytes(msg.data)) if compressed else raw_mask(msg)
            except FrameError as error:
                mask = FrameError('mask_unreadable', f'fault mask: {error}')
            camera.mask(stamp_ns(msg.header), mask)
            after()

        def on_info(msg: CameraInfo) -> None:
            self._camera_info = msg

        def on_image(msg: Image | CompressedImage, info: dict[str, int]) -> None:
            if not active():
                return
            frame = CameraFrame(msg, stamp_ns(msg.header), _arrival(info))
            camera.matcher.expected = self.masks_published
            try:
                raw = decoded(msg) if isinstance(msg, CompressedImage) else msg
                pixels = image_view(raw)
            except FrameError as error:
                camera.reject(frame, error)
            else:
                camera.receive(replace(frame, message=raw, pixels=pixels, encoding=raw.encoding))
            after()

        # The executor serves subscriptions in this order: a mask before its frame.
        if masks:
            for topic, kind in self._masks_in.items():
                self._subscribe(kind, topic, on_mask, MASK_IN)
        self._subscribe(CameraInfo, 'camera_info', on_info, IMAGE_IN)
        kind = CompressedImage if self._compressed else Image
        self._subscribe(kind, self._image_in, on_image, IMAGE_IN)

    @property
    def masks_published(self) -> bool:
        """Whether fault masks of this camera have a publisher."""
        return any(self._node.count_publishers(self._name(topic)) for topic in self._masks_in)

    @property
    def status(self) -> SubscriptionStatus:
        """State of the image subscription."""
        others = {
            topic: policy for topic, (policy, ends) in self._incompatible_qos.items() if ends(topic)
        }
        topic = self._full_name(self._image_in)
        return SubscriptionStatus(
            topic,
            self._node.count_publishers(topic),
            others.pop(topic, ''),
            others,
            [self._full_name(mask) for mask in self._masks_in],
        )

    def destroy(self) -> None:
        """Destroy the topics; on the executor's thread."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        for publisher in (self._image, self._info, self._mask, self._uncertainty):
            self._node.destroy_lifecycle_publisher(publisher)

    def pass_through(self, frame: CameraFrame) -> None:
        """Publish the received message itself, with an empty mask; lost pixels get MAX_ERROR."""
        msg = frame.message
        self._image.publish(msg)
        self._publish_info(msg)
        if not frame.pixels.size:  # unreadable: the size it claims may be anything
            return
        if self._mask.get_subscription_count():
            empty = np.zeros((msg.height, msg.width), np.uint8)
            self._mask.publish(image_message(msg.header, empty, 'mono8'))
        if self._uncertainty.get_subscription_count():
            error = np.zeros((msg.height, msg.width), np.float32)
            if frame.lost is not None:
                error[frame.lost] = MAX_ERROR
            self._uncertainty.publish(image_message(msg.header, error, '32FC1'))

    def publish(self, frame: CameraFrame, restored: RestoredFrame) -> None:
        """Publish a restored frame in its received encoding, its mask and its uncertainty."""
        header = frame.message.header
        pixels = restored_pixels(frame.pixels, frame.encoding, restored.frame, restored.mask)
        self._image.publish(image_message(header, pixels, frame.encoding))
        self._publish_info(frame.message)
        if self._mask.get_subscription_count():
            mask = restored.mask.view(np.uint8) * np.uint8(255)
            self._mask.publish(image_message(header, mask, 'mono8'))
        if self._uncertainty.get_subscription_count():
            self._uncertainty.publish(image_message(header, restored.uncertainty(), '32FC1'))

    def empty_message(self, frame: CameraFrame, stamp: int) -> Image:
        """Build a message of the frame's size and encoding without pixels, stamped `stamp` ns."""
        received = frame.message
        header = Header(frame_id=received.header.frame_id)
        header.stamp.sec, header.stamp.nanosec = divmod(stamp, 10**9)
        return Image(
            header=header,
            height=received.height,
            width=received.width,
            encoding=received.encoding,
        )

    def _publish_info(self, image: Image) -> None:
        info = self._camera_info
        if info is not None:
            info.header = image.header
            self._info.publish(info)

    def _name(self, topic: str) -> str:
        return self._prefix + topic

    def _full_name(self, topic: str) -> str:
        return str(self._node.resolve_topic_name(self._name(topic)))

    def _on_incompatible_qos(self, topic: str, ends: Callable[[str], int], event: Any) -> None:
        """Store and log the policy; `ends` counts the endpoints at the other end of the topic."""
        name, policy = self._full_name(topic), QoSPolicyKind(event.last_policy_kind).name.lower()
        self._incompatible_qos[name] = policy, ends
        self._node.get_logger().warning(f'{name}: the other end has an incompatible {policy}')

    def _publisher(self, kind: type, topic: str) -> Any:
        return self._node.create_lifecycle_publisher(
            kind,
            self._name(topic),
            copy(OUT),  # rclpy writes overrides into it
            event_callbacks=PublisherEventCallbacks(
                incompatible_qos=partial(
                    self._on_incompatible_qos, topic, self._node.count_subscribers
                )
            ),
            qos_overriding_options=_overridable(),
        )

    def _subscribe(
        self, kind: type, topic: str, callback: Callable[..., None], qos: QoSProfile
    ) -> None:
        self._subscriptions.append(
            self._node.create_subscription(
                kind,
                self._name(topic),
                callback,
                copy(qos),
                event_callbacks=SubscriptionEventCallbacks(
                    incompatible_qos=partial(
                        self._on_incompatible_qos, topic, self._node.count_publishers
                    )
                ),
                qos_overriding_options=_overridable(),
            )
        )


def _overridable() -> QoSOverridingOptions:
    return QoSOverridingOptions(
        policy_kinds=(
            QoSPolicyKind.HISTORY,
            QoSPolicyKind.DEPTH,
            QoSPolicyKind.RELIABILITY,
            QoSPolicyKind.DURABILITY,
        )
    )


def _arrival(info: dict[str, int]) -> float:
    """Return the monotonic time at which the middleware received a message.

    Now, where the middleware does not say or says something impossible.
    """
    since = (time.time_ns() - info.get('received_timestamp', 0)) * 1e-9
    return time.monotonic() - (since if 0.0 <= since < 10.0 else 0.0)
