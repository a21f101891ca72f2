# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a worker does for one camera: observe an intact frame, restore a damaged one, prepare."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

from siammcvae_core.data.encodings import to_frame
from siammcvae_core.restore.restored_frame import RestoreMethod
from siammcvae_core.restore.restorer import Restorer
from siammcvae_ros.frame_path.latency import Stage
from siammcvae_ros.frame_path.output_queue import CameraFrame, OutputQueue
from siammcvae_ros.frame_path.pending import Job


@dataclass(frozen=True)
class LastRestoration:
    """How the newest damaged frame was restored; see `Snapshot` for its values."""

    reference_age: float | None = None
    damage_share: float = 0.0
    method: str = ''
    reason: str = ''


class JobRunner:
    """Runs the jobs of one camera, one at a time, on a worker thread.

    `fail(frame, reason, detail)` lets go of a frame that cannot be restored.
    """

    def __init__(
        self,
        restorer: Restorer,
        output_queue: OutputQueue,
        fail: Callable[[CameraFrame, str, str], None],
    ) -> None:
        self._restorer = restorer
        self._output_queue = output_queue
        self._fail = fail
        self.last = LastRestoration()

    def run(self, job: Job, budget: float) -> None:
        """Do a job, the model taking at most `budget` seconds; an empty one prepares the next."""
        for seconds in job.forget:
            self._restorer.forget(seconds)
        if job.observe is not None:
            image = to_frame(job.observe.pixels, job.observe.encoding)
            self._restorer.observe(image, job.observe.time, job.observe.arrived)
        elif job.restore is not None:
            self._restore(job.restore, budget)
        else:
            self._restorer.prepare()

    def _restore(self, frame: CameraFrame, budget: float) -> None:
        frame = self._output_queue.end_stage(frame, Stage.QUEUE)
        if self._output_queue.is_overtaken(frame):
            self._output_queue.drop(frame, 'overtaken')
            return
        lost = cast('np.ndarray', frame.lost)
        try:
            image = to_frame(frame.pixels, frame.encoding)
            arrived = None if frame.concealed else frame.arrived
            restored = self._restorer.restore(image, lost, frame.time, budget, arrived)
        except Exception as error:
            frame = self._output_queue.end_stage(frame, Stage.RESTORE)
            self._fail(frame, 'restore_error', f'{type(error).__name__}: {error}')
            return
        frame = self._output_queue.end_stage(frame, Stage.RESTORE)
        self.last = LastRestoration(
            restored.reference_age, float(lost.mean()), restored.method.value, restored.reason
        )
        if restored.method is RestoreMethod.PASS:
            self._fail(frame, restored.reason, restored.detail)
            return
        if restored.detail:
            self._output_queue.record_error(restored.reason, restored.detail)
        self._output_queue.publish(frame, restored)
