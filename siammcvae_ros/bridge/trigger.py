# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Another monitor on `/diagnostics`: while it reports a camera OK, the detector is paused."""

import math
import re
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

QOS = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)


class Trigger:
    """What others reported of one camera of late; without a report it does not count as OK."""

    MEMORY = 3.0
    """Seconds for which a report counts."""

    def __init__(self, camera: str) -> None:
        self._camera = re.compile(rf'(?<!\w){re.escape(camera)}(?![\w/])')
        self._ok = self._not_ok = -math.inf

    def update(self, name: str, ok: bool, now: float) -> None:
        """Record the status `name` if it names the camera, at `now` in monotonic seconds."""
        if not self._camera.search(name):
            return
        if ok:
            self._ok = now
        else:
            self._not_ok = now

    def is_ok(self, now: float) -> bool:
        """Whether the camera was reported OK, and only OK, in the last `MEMORY` seconds."""
        return now - self._ok < self.MEMORY <= now - self._not_ok


class Triggers:
    """The triggers of a node's cameras; executor thread only.

    Statuses with `text` in their names count; with an empty text none does.
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
        """Create the trigger of a camera."""
        self._triggers.append(Trigger(camera))
        return self._triggers[-1]

    def destroy(self) -> None:
        """Unsubscribe; on the executor's thread."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        now = time.monotonic()
        for status in msg.status:
            if self._text in status.name:
                for trigger in self._triggers:
                    trigger.update(status.name, status.level == DiagnosticStatus.OK, now)
