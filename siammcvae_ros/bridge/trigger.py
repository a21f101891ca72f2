# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Another monitor's word on `/diagnostics`: the detector rests while it calls a camera sound."""

import math
import re
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

QOS = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)


class Trigger:
    """What was said of one camera; nothing heard, or not for long, is no word that it is sound."""

    MEMORY = 3.0
    """Seconds for which a word counts."""

    def __init__(self, camera: str) -> None:
        self._camera = re.compile(rf'(?<!\w){re.escape(camera)}(?![\w/])')
        self._sound = self._unsound = -math.inf

    def hear(self, name: str, sound: bool, now: float) -> None:
        """Take note of the status `name` if it names the camera, at `now` in monotonic seconds."""
        if not self._camera.search(name):
            return
        if sound:
            self._sound = now
        else:
            self._unsound = now

    def rests(self, now: float) -> bool:
        """Whether the camera was called sound of late, and nothing else."""
        return now - self._sound < self.MEMORY <= now - self._unsound


class Triggers:
    """The triggers of a node's cameras; executor thread only.

    What counts are the statuses with `text` in their names; without any text nothing does.
    """

    def __init__(self, node: Node, text: str) -> None:
        self._node = node
        self._text = text
        self._triggers: list[Trigger] = []
        self._subscription = None
        if text:
            self._subscription = node.create_subscription(
                DiagnosticArray, '/diagnostics', self._on_diagnostics, QOS
            )

    def of(self, camera: str) -> Trigger:
        """Give the trigger of a camera."""
        self._triggers.append(Trigger(camera))
        return self._triggers[-1]

    def destroy(self) -> None:
        """Listen no more."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        now = time.monotonic()
        for status in msg.status:
            if self._text in status.name:
                for trigger in self._triggers:
                    trigger.hear(status.name, status.level == DiagnosticStatus.OK, now)
