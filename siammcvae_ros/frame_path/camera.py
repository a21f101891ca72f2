# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One camera: what happens to each of its frames. Plain Python, no ROS.

An intact frame leaves at once, on the thread that received it, and becomes the reference; a damaged
one waits for the worker, the newest only. Every frame received leaves exactly once: restored,
passed on untouched, or dropped, the latter two under a named reason.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
import math
import threading
import time
from typing import cast

import numpy as np

from siammcvae_core.errors import FrameError
from siammcvae_core.restore.restorer import RestoreMethod, Restorer
from siammcvae_ros.frame_path.counters import Snapshot
from siammcvae_ros.frame_path.encodings import to_frame
from siammcvae_ros.frame_path.frame_rate import FrameRate
from siammcvae_ros.frame_path.inspection import Inspection, lost_pixels
from siammcvae_ros.frame_path.latency import Stage
from siammcvae_ros.frame_path.mask_matching import MaskMatcher, MaskMode, Match
from siammcvae_ros.frame_path.output_queue import OutputQueue, Ticket
from siammcvae_ros.frame_path.policy import FramePolicy, MissingMask, OnFailure


@dataclass
class _Pending:
    """What waits for the worker: the two newest intact frames and the newest damaged one."""

    forget: list[int] = field(default_factory=list)
    observe: deque[Ticket] = field(default_factory=lambda: deque(maxlen=2))
    restore: Ticket | None = None

    def __bool__(self) -> bool:
        return bool(self.forget or self.observe or self.restore)


class Camera:
    """The state of one camera.

    `receive`, `reject`, `mask` and `expire` belong to the executor thread, `work` to one worker
    thread at a time, which `wake` tells that there is something to do.
    """

    def __init__(
        self,
        name: str,
        restorer: Restorer,
        matcher: MaskMatcher[Ticket, np.ndarray | FrameError],
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
        self._lock = threading.Lock()
        self._pending = _Pending()
        self._frame_rate = FrameRate()
        self._newest: Ticket | None = None
        self._concealed_to: int | None = None
        self._time_jumps = 0
        self._reference_age: float | None = None
        self._damage_share = 0.0
        self._rung = ('', '')
        self.is_damaged = False
        """Whether the newest frame was damaged."""

    def receive(self, ticket: Ticket) -> None:
        """Take in a readable frame."""
        ticket = self._newest = self._admit(ticket)
        found = self._inspection.look(ticket)
        ticket = replace(ticket, found=found, since=time.monotonic())
        for match in self.matcher.frame(ticket.stamp, ticket, ticket.arrived):
            self._dispatch(match)

    def reject(self, ticket: Ticket, error: FrameError) -> None:
        """Take in a frame whose pixels cannot be read.

        One that only has an unknown encoding is still an image and may be passed on; one that
        contradicts itself is dropped.
        """
        ticket = self._admit(ticket)
        for match in self.matcher.flush():
            self._dispatch(match)
        if error.reason == 'unsupported_encoding':
            self._fail(ticket, error.reason, str(error))
        else:
            self.output_queue.last_error = str(error)
            self.output_queue.drop(ticket, error.reason)

    def mask(self, stamp: int, mask: np.ndarray | FrameError) -> None:
        """Take in a fault mask, uint8 (h, w) with 0 = intact, or why it could not be read."""
        matches, late = self.matcher.mask(stamp, mask)
        if late and (isinstance(mask, FrameError) or mask.any()):
            with self._lock:
                for ticket in [t for t in self._pending.observe if t.stamp == stamp]:
                    self._pending.observe.remove(ticket)
                self._pending.forget.append(stamp)
            self._wake()
        for match in matches:
            self._dispatch(match)

    @property
    def deadline(self) -> float | None:
        """The monotonic time at which `expire` has something to do, None if never."""
        times = (self.matcher.deadline, self.output_queue.deadline, self._missing_from)
        return min((t for t in times if t is not None), default=None)

    def expire(self, now: float) -> None:
        """Let go of frames that have waited long enough, for their mask or for a restoration.

        What should have come by now is missing, and made up if it is to be concealed.
        """
        for match in self.matcher.expire(now):
            self._dispatch(match)
        self.output_queue.expire(now)
        if self._missing_from is not None and self._missing_from <= now:
            self._conceal(self._frame_rate.miss(), now)

    @property
    def _missing_from(self) -> float | None:
        """The monotonic time from which the next frame is missing, None if nobody minds."""
        if not self.policy.conceal_missing or self._newest is None:
            return None
        if self._frame_rate.missed > self.restorer.max_reference_age:
            return None
        return self._frame_rate.due

    def _conceal(self, stamp: int, now: float) -> None:
        """Have a frame made up that did not come, unless a damaged one still waits."""
        if self._newest is None or self._pending.restore is not None:
            return
        self._concealed_to = stamp
        message = self.output_queue.blank(self._newest, stamp)
        number = self.output_queue.admit(concealed=True)
        lost = np.ones(self._newest.pixels.shape[:2], bool)
        self._damaged(replace(
            self._newest, message=message, stamp=stamp, arrived=now, number=number, lost=lost,
            concealed=True, since=now,
        ))  # fmt: skip

    @property
    def damaged_since(self) -> float | None:
        """When the damaged frame that waits for the worker arrived, None if none waits."""
        restore = self._pending.restore
        return None if restore is None else restore.arrived

    @property
    def has_work(self) -> bool:
        """Whether frames wait for `work`."""
        return bool(self._pending)

    def work(self, sharing: int = 1) -> None:
        """Do the next thing that waits, in the order of the frames, or prepare for the next damage.

        Worker thread only.

        `sharing` is how many cameras have damaged frames to restore one after another in the time
        there is.
        """
        with self._lock:
            pending = self._pending
            forget, pending.forget = pending.forget, []
            observe, restore = None, pending.restore
            oldest = pending.observe[0] if pending.observe else None
            if oldest is not None and (restore is None or oldest.number < restore.number):
                observe, restore = pending.observe.popleft(), None
            else:
                pending.restore = None
        for stamp in forget:
            self.restorer.forget(stamp * 1e-9)
        if observe is not None:
            self.restorer.observe(to_frame(observe.pixels, observe.encoding), observe.stamp * 1e-9)
        elif restore is not None:
            self._restore(restore, self._budget() / max(1, sharing))
        else:
            self.restorer.prepare()

    def stop(self) -> None:
        """Drop what still waits and forget the kept frames; called after the worker has ended."""
        with self._lock:
            pending, self._pending = self._pending, _Pending()
        unfinished = [match.item for match in self.matcher.flush()]
        if pending.restore is not None:
            unfinished.append(pending.restore)
        self.output_queue.close()
        for ticket in unfinished:
            self.output_queue.drop(ticket, 'deactivated')
        self.restorer.reset()
        self._inspection.reset()

    def snapshot(self) -> Snapshot:
        """Copy the state for diagnostics."""
        counters, passed_seconds, restored_seconds = self.output_queue.account()
        last = self._frame_rate.last_arrival
        method, rung_reason = self._rung
        return Snapshot(
            name=self.name,
            counters=counters,
            masks=replace(self.matcher.counts),
            masks_expected=self.matcher.expected,
            time_jumps=self._time_jumps,
            since_last_frame=None if last is None else time.monotonic() - last,
            last_stamp=self._frame_rate.last_stamp,
            reference_age=self._reference_age,
            damage_share=self._damage_share,
            last_error=self.output_queue.last_error,
            passed_seconds=passed_seconds,
            restored_seconds=restored_seconds,
            findings=self._inspection.findings,
            stages=self.output_queue.stages,
            method=method,
            rung_reason=rung_reason,
        )

    def _admit(self, ticket: Ticket) -> Ticket:
        if not self._frame_rate.beat(ticket.stamp, ticket.arrived):
            self._time_jumps += 1
            self._concealed_to = None
            for match in self.matcher.restart():
                self._dispatch(match)
        ticket = replace(ticket, number=self.output_queue.admit(), since=ticket.arrived)
        return self.output_queue.lap(ticket, Stage.INTAKE)

    def _dispatch(self, match: Match[Ticket, np.ndarray | FrameError]) -> None:
        ticket = self.output_queue.lap(match.item, Stage.MASK_WAIT)
        try:
            lost = lost_pixels(ticket, match.mask)
        except FrameError as error:
            self._fail(ticket, error.reason, str(error))
            return
        if self._concealed_to is not None and ticket.stamp <= self._concealed_to:
            self._too_late(ticket, intact=lost is None or not lost.any())
        elif lost is None:
            self._without_mask(ticket)
        elif lost.any():
            self._damaged(replace(ticket, lost=lost))
        else:
            self._intact(ticket)

    def _without_mask(self, ticket: Ticket) -> None:
        missing = self.matcher.mode is MaskMode.PER_FRAME and self.matcher.expected
        if missing and self.policy.missing_mask is MissingMask.UNKNOWN:
            self.output_queue.pass_on(ticket, 'mask_missing')
        else:
            self._intact(ticket)

    def _too_late(self, ticket: Ticket, intact: bool) -> None:
        """Take in a frame that came after it was made up: as a reference, where it can be one."""
        self.output_queue.drop(ticket, 'concealed')
        if intact:
            self._observe(ticket)

    def _intact(self, ticket: Ticket) -> None:
        self.is_damaged = False
        self.output_queue.pass_on(ticket, 'intact')
        self._observe(ticket)

    def _observe(self, ticket: Ticket) -> None:
        with self._lock:
            self._pending.observe.append(ticket)
        self._wake()

    def _damaged(self, ticket: Ticket) -> None:
        self.is_damaged = True
        self.output_queue.announce(ticket)
        with self._lock:
            previous, self._pending.restore = self._pending.restore, ticket
        if previous is not None:
            self.output_queue.drop(previous, 'superseded')
        self._wake()

    def _budget(self) -> float:
        return self.policy.model_budget or self._frame_rate.interval or math.inf

    def _restore(self, ticket: Ticket, budget: float) -> None:
        ticket = self.output_queue.lap(ticket, Stage.QUEUE)
        if self.output_queue.is_overtaken(ticket):
            self.output_queue.drop(ticket, 'overtaken')
            return
        lost = cast('np.ndarray', ticket.lost)
        try:
            frame = to_frame(ticket.pixels, ticket.encoding)
            restored = self.restorer.restore(frame, lost, ticket.stamp * 1e-9, budget)
        except Exception as error:
            ticket = self.output_queue.lap(ticket, Stage.RESTORE)
            self._fail(ticket, 'restore_error', f'{type(error).__name__}: {error}')
            return
        ticket = self.output_queue.lap(ticket, Stage.RESTORE)
        self._reference_age = restored.reference_age
        self._damage_share = float(lost.mean())
        self._rung = restored.method.value, restored.reason
        if restored.method is RestoreMethod.PASS:
            self._fail(ticket, restored.reason, restored.detail)
            return
        if restored.detail:
            self.output_queue.last_error = restored.detail
        self.output_queue.publish(ticket, restored)

    def _fail(self, ticket: Ticket, reason: str, detail: str) -> None:
        if ticket.concealed:
            self.output_queue.drop(ticket, reason)
            return
        if detail:
            self.output_queue.last_error = detail
        if self.policy.on_failure is OnFailure.PASSTHROUGH:
            self.output_queue.pass_on(ticket, reason)
        else:
            self.output_queue.drop(ticket, reason)
