# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One camera: what happens to each of its frames. Plain Python, no ROS.

An intact frame leaves at once, on the thread that received it, and becomes the reference; a damaged
one waits for the worker, the newest only. Every frame received leaves exactly once: restored,
passed through untouched, or dropped, the latter two under a named reason.
"""

from collections.abc import Callable
from dataclasses import replace
import math
import time

import numpy as np

from siammcvae_core.errors import FrameError
from siammcvae_core.restore.frame_clock import StampFault
from siammcvae_core.restore.restorer import Restorer, ROUNDING
from siammcvae_ros.frame_path.counters import Snapshot
from siammcvae_ros.frame_path.inspection import Inspection, lost_pixels
from siammcvae_ros.frame_path.jobs import JobRunner
from siammcvae_ros.frame_path.late_masks import LateMasks
from siammcvae_ros.frame_path.latency import Stage
from siammcvae_ros.frame_path.mask_matching import MaskMatcher, MaskMode, Match
from siammcvae_ros.frame_path.output_queue import CameraFrame, OutputQueue
from siammcvae_ros.frame_path.pending import PendingFrames
from siammcvae_ros.frame_path.policy import FramePolicy, MissingMask, OnFailure
from siammcvae_ros.frame_path.stamps import Stamps


class Camera:
    """The state of one camera.

    `receive`, `reject`, `mask` and `expire` belong to the executor thread, `process_next` to one
    worker thread at a time; `wake` is called when there is something to process.
    """

    def __init__(
        self,
        name: str,
        restorer: Restorer,
        matcher: MaskMatcher[CameraFrame, np.ndarray | FrameError],
        output_queue: OutputQueue,
        policy: FramePolicy,
        wake: Callable[[], None],
        inspection: Inspection | None = None,
    ) -> None:
        self.name = name
        self.restorer = restorer
        self.matcher = matcher
        self.output_queue = output_queue
        self.policy = policy
        self._wake = wake
        self._inspection = inspection or Inspection()
        self._pending = PendingFrames()
        self._jobs = JobRunner(restorer, output_queue, self._fail)
        self._stamps = Stamps()
        self._late_masks = LateMasks()
        self._newest: CameraFrame | None = None
        self._concealed_to: int | None = None
        self.is_damaged = False
        """Whether the newest frame was damaged."""

    def receive(self, frame: CameraFrame) -> None:
        """Take in a readable frame."""
        frame = self._newest = self._admit(frame)
        detected = self._inspection.inspect(frame)
        frame = replace(frame, detected=detected, since=time.monotonic())
        for match in self.matcher.frame(frame.stamp, frame, frame.arrived):
            self._dispatch(match)

    def reject(self, frame: CameraFrame, error: FrameError) -> None:
        """Take in a frame whose pixels cannot be read.

        One that only has an unknown encoding is still an image and may be passed through; one that
        contradicts itself is dropped.
        """
        frame = self._admit(frame)
        for match in self.matcher.flush():
            self._dispatch(match)
        if error.reason == 'unsupported_encoding':
            self._fail(frame, error.reason, str(error))
        else:
            self.output_queue.record_error(error.reason, str(error))
            self.output_queue.drop(frame, error.reason)

    def mask(self, stamp: int, mask: np.ndarray | FrameError) -> None:
        """Take in a fault mask, uint8 (h, w) with 0 = intact, or why it could not be read."""
        damaged = isinstance(mask, FrameError) or bool(mask.any())
        matches, late = self.matcher.mask(stamp, mask, damaged)
        if late is not None and damaged:
            self._take_back(late, mask)
        for match in matches:
            self._dispatch(match)

    @property
    def deadline(self) -> float | None:
        """The monotonic time at which `expire` has something to do, None if never."""
        times = (self.matcher.deadline, self.output_queue.deadline, self._overdue_at)
        return min((t for t in times if t is not None), default=None)

    def expire(self, now: float) -> None:
        """Let go of frames that have waited long enough, for their mask or for a restoration.

        A frame that should have come by now is missing; if the policy says so, it is concealed.
        """
        for match in self.matcher.expire(now):
            self._dispatch(match)
        self.output_queue.expire(now)
        if self._overdue_at is not None and self._overdue_at <= now:
            self._conceal(self._stamps.frame_rate.count_missing(), now)

    @property
    def damaged_since(self) -> float | None:
        """When the damaged frame that waits for the worker arrived, None if none waits."""
        frame = self._pending.to_restore
        return None if frame is None else frame.arrived

    @property
    def has_pending(self) -> bool:
        """Whether frames wait for `process_next`."""
        return bool(self._pending)

    def process_next(self, sharing: int = 1) -> None:
        """Do the next thing that waits, in the order of the frames, or prepare for the next damage.

        Worker thread only. `sharing` is how many cameras have damaged frames to restore one after
        another in the time there is.
        """
        budget = self.policy.model_budget or self._stamps.frame_rate.interval or math.inf
        self._jobs.run(self._pending.take(), budget / max(1, sharing))

    def stop(self) -> None:
        """Drop what still waits and forget the references; called after the worker has ended."""
        to_restore = self._pending.clear()
        unfinished = [match.item for match in self.matcher.flush()]
        if to_restore is not None:
            unfinished.append(to_restore)
        self.output_queue.close()
        for frame in unfinished:
            self.output_queue.drop(frame, 'deactivated')
        self.restorer.reset()
        self._inspection.reset()

    def snapshot(self) -> Snapshot:
        """Copy the state for diagnostics."""
        self._count_late_masks()
        counters, passed_seconds, restored_seconds = self.output_queue.statistics()
        last = self._stamps.frame_rate.last_arrival
        restoration = self._jobs.last
        return Snapshot(
            name=self.name,
            counters=counters,
            masks=replace(self.matcher.counts),
            masks_expected=self.matcher.expected,
            stamp_faults=self._stamps.faults.copy(),
            since_last_frame=None if last is None else time.monotonic() - last,
            last_stamp=self._stamps.frame_rate.last_stamp,
            reference_age=restoration.reference_age,
            damage_share=restoration.damage_share,
            last_error=self.output_queue.last_error,
            errors=self.output_queue.errors.copy(),
            passed_seconds=passed_seconds,
            restored_seconds=restored_seconds,
            detector=self._inspection.status,
            stage_times=self.output_queue.stage_times,
            method=restoration.method,
            method_reason=restoration.reason,
        )

    def _admit(self, frame: CameraFrame) -> CameraFrame:
        number = self.output_queue.admit()
        seconds = self._stamps.record(frame.stamp, frame.arrived, number)
        self.matcher.stamps_advance = self._stamps.fault is None
        if self._stamps.fault is not None:
            self._concealed_to = None
        if self._stamps.fault is StampFault.JUMPED_BACK:
            self._late_masks.found.clear()  # what seemed late was the first mask of the new run
            for match in self.matcher.restart():
                self._dispatch(match)
        self._count_late_masks()
        frame = replace(frame, number=number, since=frame.arrived, time=seconds)
        return self.output_queue.end_stage(frame, Stage.INTAKE)

    def _take_back(self, stamp: int, mask: np.ndarray | FrameError) -> None:
        """Count a frame that has left as damaged, and do not restore from it."""
        for arrival in self._stamps.arrivals_of(stamp):
            if self._late_masks.add(arrival.number, mask):
                self._pending.forget(arrival.time)
        self._wake()

    def _count_late_masks(self) -> None:
        for number in self._late_masks.found:
            self.output_queue.found_damaged(number)
        self._late_masks.found.clear()

    def _dispatch(self, match: Match[CameraFrame, np.ndarray | FrameError]) -> None:
        frame = self.output_queue.end_stage(match.item, Stage.MASK_WAIT)
        try:
            lost = lost_pixels(frame, match.mask)
        except FrameError as error:
            self._fail(frame, error.reason, str(error))
            return
        if self._concealed_to is not None and frame.stamp <= self._concealed_to:
            self._concealed_already(frame, intact=lost is None or not lost.any())
        elif lost is None:
            self._without_mask(frame)
        elif lost.any():
            self._late_masks.remember(frame.number, lost)
            self._damaged(replace(frame, lost=lost))
        else:
            self._intact(frame)

    def _without_mask(self, frame: CameraFrame) -> None:
        missing = self.matcher.mode is MaskMode.PER_FRAME and self.matcher.expected
        if missing and self.policy.missing_mask is MissingMask.UNKNOWN:
            self.output_queue.pass_through(frame, 'mask_missing')
        else:
            self._intact(frame)

    def _concealed_already(self, frame: CameraFrame, intact: bool) -> None:
        """Take in a frame that came after it was concealed: as a reference if it is intact."""
        self.output_queue.drop(frame, 'concealed')
        if intact:
            self._observe(frame)

    def _intact(self, frame: CameraFrame) -> None:
        self.is_damaged = False
        self.output_queue.pass_through(frame, 'intact')
        self._observe(frame)

    def _observe(self, frame: CameraFrame) -> None:
        self._pending.observe(frame)
        self._wake()

    def _damaged(self, frame: CameraFrame) -> None:
        self.is_damaged = True
        self.output_queue.start_restoring(frame)
        previous = self._pending.restore(frame)
        if previous is not None:
            self._supersede(previous)
        self._wake()

    def _supersede(self, frame: CameraFrame) -> None:
        """Pass a damaged frame on that a newer one took the restoration from, or drop it."""
        if frame.concealed or self.policy.on_failure is OnFailure.DROP:
            self.output_queue.drop(frame, 'superseded')
        else:
            self.output_queue.pass_superseded(frame)

    @property
    def _overdue_at(self) -> float | None:
        """The monotonic time from which the next frame is concealed, None if it is not to be."""
        if not self.policy.conceal_missing or self._newest is None:
            return None
        if not self.matcher.stamps_advance:  # nobody knows what stamp the frame would have had
            return None
        if self._stamps.frame_rate.missing_seconds > self.restorer.max_reference_age + ROUNDING:
            return None
        return self._stamps.frame_rate.overdue_at

    def _conceal(self, stamp: int, now: float) -> None:
        """Have a missing frame restored, all of it lost, unless a damaged one still waits."""
        if self._newest is None or self._pending.to_restore is not None:
            return
        self._concealed_to = stamp
        message = self.output_queue.empty_message(self._newest, stamp)
        number = self.output_queue.admit(concealed=True)
        lost = np.ones(self._newest.pixels.shape[:2], bool)
        self._damaged(replace(
            self._newest, message=message, stamp=stamp, arrived=now, number=number, lost=lost,
            concealed=True, since=now, time=stamp * 1e-9,
        ))  # fmt: skip

    def _fail(self, frame: CameraFrame, reason: str, detail: str) -> None:
        if frame.concealed:
            self.output_queue.drop(frame, reason)
            return
        if detail:
            self.output_queue.record_error(reason, detail)
        if self.policy.on_failure is OnFailure.PASSTHROUGH:
            self.output_queue.pass_through(frame, reason)
        else:
            self.output_queue.drop(frame, reason)
