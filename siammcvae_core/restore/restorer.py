# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The seam of the core: intact frames are observed, damaged ones restored by the best rung able.

The ladder is model > motion warp > copy > pass-through. While damage lasts, the frame restored last
stands in for the newest kept one: what it shows around the hole was seen a moment ago. Age is
counted from the last intact frame all the same. The model is passed over where it would take longer
than there is time. What the kept frames alone decide can be worked out before a damaged one comes.
A `Restorer` serves one camera and belongs to one thread.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
import math
import time
from typing import cast

import cv2
import numpy as np

from siammcvae_core.engines import Engine, Restoration
from siammcvae_core.errors import InputError
from siammcvae_core.frames import check_frame, full_mask, paste
from siammcvae_core.motion.references import KeptFrame, References
from siammcvae_core.restore.fallbacks import const_velocity, copy
from siammcvae_core.restore.latency import LatencyEstimate
from siammcvae_core.restore.recurrence import merge, RecurrentState
from siammcvae_core.restore.uncertainty import expected_error

LATELY = 5.0  # seconds since the last damaged frame in which the next one is expected


class RestoreMethod(str, Enum):
    """The rungs of the ladder, best first."""

    MODEL = 'model'
    WARP = 'warp'
    COPY = 'copy'
    PASS = 'pass'


@dataclass(frozen=True, eq=False)
class RestoredFrame:
    """A frame after restoration.

    `frame` has the shape and dtype of the input and is the input itself when nothing was replaced;
    the next restoration may start from it: do not write to it. `mask`, bool (H, W), marks the
    replaced pixels. `reference_age` is in seconds, None without a reference. `reason` says in
    snake_case why a rung below the best configured one served ('' if it did not come to that):
    `no_reference`, `reference_too_old`, `reference_size`, `one_reference`, `deadline`,
    `engine_error`; `detail` says it to a human. `uncertainty()` computes the expected absolute
    error in grey levels, float32 (H, W), 0 where intact, 255 where a lost pixel was passed through.
    """

    frame: np.ndarray
    mask: np.ndarray
    method: RestoreMethod
    reference_age: float | None
    reason: str
    detail: str
    uncertainty: Callable[[], np.ndarray]


class Restorer:
    """Keeps the last two intact frames of a camera and restores damaged ones from them.

    `max_reference_age` in seconds caps how long made-up pixels are served. `best_method` caps the
    ladder from above; None means the best there is: the model if there is an `engine`.
    """

    def __init__(
        self,
        engine: Engine | None = None,
        *,
        max_reference_age: float = 1.0,
        best_method: RestoreMethod | None = None,
    ) -> None:
        if not max_reference_age >= 0:
            raise InputError(f'max_reference_age must be 0 s or more, got {max_reference_age}')
        self.max_reference_age = max_reference_age
        self._engine = engine
        methods = list(RestoreMethod)[
            list(RestoreMethod).index(best_method or RestoreMethod.MODEL) :
        ]
        self._ladder = [
            method for method in methods if method is not RestoreMethod.MODEL or engine is not None
        ]
        self._references = References()
        self._recurrent: RecurrentState | None = None
        self._latency = LatencyEstimate()
        self._damaged_at = -math.inf
        self._ahead: list[Callable[[], object]] = []

    @property
    def references(self) -> int:
        """How many frames are kept: 0 to 2."""
        return len(self._references.frames)

    def reset(self) -> None:
        """Forget every kept frame."""
        self._keep(References())

    def forget(self, stamp: float) -> None:
        """Drop the kept frame of `stamp`, later found to be damaged; does nothing without one."""
        kept = tuple(kept for kept in self._references.frames if kept.stamp != stamp)
        if len(kept) < self.references:
            self._keep(References(kept))

    def observe(self, frame: np.ndarray, stamp: float) -> None:
        """Keep an intact frame, uint8 (H, W, 3) BGR or (H, W) grey, `stamp` in seconds.

        The frame is not copied: do not write to it afterwards. A frame of another shape, or a
        stamp before the kept one, starts anew. Raises FrameError.
        """
        check_frame(frame)
        self._start_anew_if_unlike(frame, stamp)
        self._keep(References((KeptFrame(frame, stamp), *self._references.frames[:1])))
        if self._engine is None or RestoreMethod.MODEL not in self._ladder:
            return
        if 0 <= stamp - self._damaged_at <= LATELY:
            self._ahead = self._steps(self._references)
        elif self._engine.eager:
            self._ahead = self._steps(self._references)[:1]

    @property
    def unprepared(self) -> bool:
        """Whether `prepare` has something to do."""
        return bool(self._ahead)

    def prepare(self) -> None:
        """Work out a part of what the kept frames alone decide, so that `restore` need not.

        There is something to work out while damage is about; also before that where encoding costs
        next to nothing. Without it `restore` gives the same, later.
        """
        if self._ahead:
            # A failure here shows when it matters: `restore` tries again and reports it.
            with suppress(Exception):
                self._ahead.pop(0)()

    def _steps(self, view: References) -> list[Callable[[], object]]:
        """List what can be worked out before a frame comes that is restored from these."""
        encode = cast('Engine', self._engine).encode_reference
        motion = [] if view.motion is None else [view.motion.prepare]
        return [partial(view.frames[0].encoded_by, encode), *motion]

    def _expect_more(self, recurrent: RecurrentState, stays: bool) -> None:
        """Look ahead to a next damaged frame, while the damage stays or wanders."""
        view = recurrent.behind_staying if stays else recurrent.behind_wandering
        self._ahead += self._steps(view)

    def restore(
        self, frame: np.ndarray, mask: np.ndarray, stamp: float, budget: float = math.inf
    ) -> RestoredFrame:
        """Restore a damaged frame; `mask` is 0 where intact, frame size or its grid of cells.

        Where the model is expected to take longer than `budget` seconds, motion serves. Without a
        lost pixel the frame is given back. Only a frame or mask that breaks the contract raises
        (FrameError); whatever fails on the way goes down the ladder.
        """
        check_frame(frame)
        lost = full_mask(mask, frame.shape[:2])
        if not lost.any() or self._ladder[0] is RestoreMethod.PASS:
            return _passed(frame, lost, None)
        other_size = self._start_anew_if_unlike(frame, stamp)
        self._damaged_at = stamp
        self._ahead.clear()
        references = self._references
        if not references.frames:
            reason = 'reference_size' if other_size else 'no_reference'
            return _passed(frame, lost, None, reason, f'no intact frame of {frame.shape} is kept')
        age = stamp - references.frames[0].stamp
        if age > self.max_reference_age:
            detail = f'the kept frame is {age:.3f} s old, more than {self.max_reference_age:.3f} s'
            return _passed(frame, lost, age, 'reference_too_old', detail)
        views = self._views(lost)
        reason, details = '', []
        share = cv2.countNonZero(lost.view(np.uint8)) / lost.size
        for method in self._ladder[:-1]:
            objection = self._objection(method, views[0], share, budget)
            if objection is not None:
                reason = reason or objection[0]
                details.append(objection[1])
                continue
            seen = self._affordable(method, views, share, budget)
            began = time.perf_counter()
            try:
                shown, carried = self._judge(method, seen, frame, lost, stamp)
            except Exception as error:
                reason = reason or 'engine_error'
                details.append(f'{method.value} failed: {type(error).__name__}: {error}')
                continue
            if method is RestoreMethod.MODEL:
                self._latency.learn(share, (time.perf_counter() - began) / len(seen))
            if not lost.all():  # else nothing was seen at that time
                before, newest = self._recurrent, views[0].frames[0]
                self._recurrent = RecurrentState(carried, stamp, lost, newest, references)
                if method is RestoreMethod.MODEL and before is not None:
                    expect = partial(self._expect_more, self._recurrent, len(views) > 1)
                    self._ahead = [expect]
            # Of motion: from the intact frames, whatever was made up since, so that it never falls.
            uncertainty = shown.expected_error or partial(
                expected_error, references, lost, stamp, method is not RestoreMethod.COPY
            )
            return RestoredFrame(
                shown.frame, lost, method, age, reason, '; '.join(details), uncertainty
            )
        return _passed(frame, lost, age, reason, '; '.join(details))

    def _objection(
        self, method: RestoreMethod, references: References, share: float, budget: float
    ) -> tuple[str, str] | None:
        """Say why a rung cannot serve now, as reason and detail; None if it can."""
        if references.motion is None and self._needs_motion(method):
            return 'one_reference', 'motion needs two kept frames of different stamps'
        if method is RestoreMethod.MODEL and (expected := self._latency.expected(share)) > budget:
            self._latency.forgive(share)
            return 'deadline', f'the model takes {expected:.3f} s, there are {budget:.3f} s'
        return None

    def _views(self, lost: np.ndarray) -> tuple[References, ...]:
        """Choose what to restore from, while damage lasts also what was restored before."""
        if self._recurrent is not None:
            # An engine that fails to tell its errors: as if it had restored nothing.
            with suppress(Exception):
                return self._recurrent.views(lost)
        return (self._references,)

    def _affordable(
        self, method: RestoreMethod, views: tuple[References, ...], share: float, budget: float
    ) -> tuple[References, ...]:
        """Take all views if there is time to let the model judge them all, else the first."""
        if method is RestoreMethod.MODEL and len(views) * self._latency.expected(share) > budget:
            return views[:1]
        return views

    def _judge(
        self,
        method: RestoreMethod,
        views: tuple[References, ...],
        frame: np.ndarray,
        lost: np.ndarray,
        stamp: float,
    ) -> tuple[Restoration, Restoration]:
        """Let a rung judge all views: what to show, and what to go on from, both whole frames.

        The first view alone goes on: a mean of means would blur more with every frame.
        """
        first, *others = (self._make(method, view, frame, lost, stamp) for view in views)
        carried = replace(first, frame=paste(frame, first.frame, lost))
        if not others:
            return carried, carried
        merged = merge(first, others[0])
        return replace(merged, frame=paste(frame, merged.frame, lost)), carried

    def _keep(self, references: References) -> None:
        """Take other intact frames: what was worked out from those before serves no more."""
        self._references, self._recurrent, self._ahead = references, None, []

    def _needs_motion(self, method: RestoreMethod) -> bool:
        if method is RestoreMethod.MODEL:
            return cast('Engine', self._engine).references > 1
        return method is RestoreMethod.WARP

    def _make(
        self,
        method: RestoreMethod,
        references: References,
        frame: np.ndarray,
        lost: np.ndarray,
        stamp: float,
    ) -> Restoration:
        """Let one rung make a frame like `frame`, meaningful where `lost`."""
        if method is RestoreMethod.COPY:
            return Restoration(copy(references, frame, lost, stamp))
        if method is RestoreMethod.WARP:
            return Restoration(const_velocity(references, frame, lost, stamp))
        made = cast('Engine', self._engine).restore(references, frame, lost, stamp)
        if made.frame.shape != frame.shape or made.frame.dtype != frame.dtype:
            came = f'{made.frame.dtype} {made.frame.shape}'
            raise TypeError(f'engine made {came} of {frame.dtype} {frame.shape}')
        return made

    def _start_anew_if_unlike(self, frame: np.ndarray, stamp: float) -> bool:
        """Forget kept frames of another shape or a later stamp; True if the shape differed."""
        if not self._references.frames:
            return False
        newest = self._references.frames[0]
        other_size = newest.frame.shape != frame.shape
        if other_size or stamp < newest.stamp:
            self.reset()
        elif self._recurrent and stamp <= self._recurrent.stamp:
            self._recurrent = None
        return other_size


def _passed(
    frame: np.ndarray, lost: np.ndarray, age: float | None, reason: str = '', detail: str = ''
) -> RestoredFrame:
    """Give the input back as it came; what is lost in it can be anything."""
    unknown = partial(np.multiply, lost, 255, dtype=np.float32)
    return RestoredFrame(
        frame, np.zeros_like(lost), RestoreMethod.PASS, age, reason, detail, unknown
    )
