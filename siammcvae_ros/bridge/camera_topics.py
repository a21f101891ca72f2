# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The topics of one camera: messages in, handed to `Camera`; frames out, with their companions."""

from collections.abc import Callable
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

from siammcvae_core.errors import FrameError
from siammcvae_core.restore.restorer import RestoredFrame
from siammcvae_ros.bridge.compressed import decoded, ImageTransport, PNG
from siammcvae_ros.bridge.diagnostics import Link
from siammcvae_ros.bridge.images import image_message, image_view, MASK_ENCODINGS, stamp_ns
from siammcvae_ros.frame_path.camera import Camera
from siammcvae_ros.frame_path.encodings import restored_pixels
from siammcvae_ros.frame_path.output_queue import Ticket

IMAGE_IN = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
MASK_IN = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
OUT = QoSProfile(depth=2, reliability=ReliabilityPolicy.RELIABLE)
WORST = 255.0  # grey levels off that a lost pixel may be which was passed on


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
        """Subscribe and feed `camera` while `active()`, calling `after()` behind each message.

        `masks` says whether fault masks are wanted at all.
        """

        def on_mask(msg: Image | CompressedImage) -> None:
            if not active():
                return
            try:
                raw = decoded(msg, (PNG,)) if isinstance(msg, CompressedImage) else msg
                mask: np.ndarray | FrameError = image_view(raw, MASK_ENCODINGS)
            except FrameError as error:
                mask = FrameError('mask_unreadable', f'fault mask: {error}')
            camera.mask(stamp_ns(msg.header), mask)
            after()

        def on_info(msg: CameraInfo) -> None:
            self._camera_info = msg

        def on_image(msg: Image | CompressedImage, info: dict[str, int]) -> None:
            if not active():
                return
            ticket = Ticket(msg, stamp_ns(msg.header), _arrival(info))
            camera.matcher.expected = self.masks_published
            try:
                raw = decoded(msg) if isinstance(msg, CompressedImage) else msg
                pixels = image_view(raw)
            except FrameError as error:
                camera.reject(ticket, error)
            else:
                camera.receive(replace(ticket, message=raw, pixels=pixels, encoding=raw.encoding))
            after()

        # The executor serves subscriptions in this order, so a mask goes before its frame.
        if masks:
            for topic, kind in self._masks_in.items():
                self._subscribe(kind, topic, on_mask, MASK_IN)
        self._subscribe(CameraInfo, 'camera_info', on_info, IMAGE_IN)
        kind = CompressedImage if self._compressed else Image
        self._subscribe(kind, self._image_in, on_image, IMAGE_IN)

    @property
    def masks_published(self) -> bool:
        """Whether anybody publishes fault masks for this camera."""
        return any(self._node.count_publishers(self._name(topic)) for topic in self._masks_in)

    @property
    def link(self) -> Link:
        """How the image subscription stands."""
        others = {
            topic: policy for topic, (policy, ends) in self._incompatible_qos.items() if ends(topic)
        }
        topic = self._full_name(self._image_in)
        return Link(
            topic,
            self._node.count_publishers(topic),
            others.pop(topic, ''),
            others,
            [self._full_name(mask) for mask in self._masks_in],
        )

    def destroy(self) -> None:
        """Give the topics back; on the executor's thread."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        for publisher in (self._image, self._info, self._mask, self._uncertainty):
            self._node.destroy_lifecycle_publisher(publisher)

    def pass_on(self, ticket: Ticket) -> None:
        """Publish the received message itself: nothing is made up, what is lost means nothing."""
        msg = ticket.message
        self._image.publish(msg)
        self._publish_info(msg)
        if not ticket.pixels.size:  # unreadable: the size it claims may be anything
            return
        if self._mask.get_subscription_count():
            nothing = np.zeros((msg.height, msg.width), np.uint8)
            self._mask.publish(image_message(msg.header, nothing, 'mono8'))
        if self._uncertainty.get_subscription_count():
            error = np.zeros((msg.height, msg.width), np.float32)
            if ticket.lost is not None:
                error[ticket.lost] = WORST
            self._uncertainty.publish(image_message(msg.header, error, '32FC1'))

    def publish(self, ticket: Ticket, restored: RestoredFrame) -> None:
        """Publish a restored frame in the encoding of the received one, and what was made up."""
        header = ticket.message.header
        pixels = restored_pixels(ticket.pixels, ticket.encoding, restored.frame, restored.mask)
        self._image.publish(image_message(header, pixels, ticket.encoding))
        self._publish_info(ticket.message)
        if self._mask.get_subscription_count():
            made_up = restored.mask.view(np.uint8) * np.uint8(255)
            self._mask.publish(image_message(header, made_up, 'mono8'))
        if self._uncertainty.get_subscription_count():
            self._uncertainty.publish(image_message(header, restored.uncertainty(), '32FC1'))

    def blank(self, ticket: Ticket, stamp: int) -> Image:
        """Give a message like that of a frame, without pixels, stamped `stamp` ns."""
        like = ticket.message
        header = Header(frame_id=like.header.frame_id)
        header.stamp.sec, header.stamp.nanosec = divmod(stamp, 10**9)
        return Image(header=header, height=like.height, width=like.width, encoding=like.encoding)

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
        """Take note of another policy; `ends` counts who is at the other end of the topic."""
        name, policy = self._full_name(topic), QoSPolicyKind(event.last_policy_kind).name.lower()
        self._incompatible_qos[name] = policy, ends
        self._node.get_logger().warning(f'{name}: the other end has an incompatible {policy}')

    def _publisher(self, kind: type, topic: str) -> Any:
        return self._node.create_lifecycle_publisher(
            kind,
            self._name(topic),
            OUT,
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
                qos,
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
    """Give the monotonic time at which the middleware received a message.

    Falls back to now where the middleware does not say, or says something impossible.
    """
    since = (time.time_ns() - info.get('received_timestamp', 0)) * 1e-9
    return time.monotonic() - (since if 0.0 <= since < 10.0 else 0.0)
