# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The seam of the core: intact frames are observed, damaged ones restored by the best rung able.

The ladder is model > motion warp > copy > pass-through. While damage lasts, the frame restored last
stands in for the newest kept one: what it shows around the hole was seen a moment ago. Age is
counted from the last intact frame all the same. The model is passed over where it would take longer
than there is time. A `Restorer` serves one camera and belongs to one thread.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import partial
import math
import time
from typing import cast

import cv2
import numpy as np

from siammcvae_core.engines import Engine, Made
from siammcvae_core.errors import InputError
from siammcvae_core.expected_error import expected_error
from siammcvae_core.frames import check_frame, full_mask, paste
from siammcvae_core.motion import KeptFrame, References
from siammcvae_core.pace import Pace
from siammcvae_core.peers import classical

STAYS = 0.9  # share of the lost pixels that were lost in the frame before: damage does not wander


class Rung(str, Enum):
    """The rungs of the ladder, best first."""

    MODEL = 'model'
    WARP = 'warp'
    COPY = 'copy'
    PASS = 'pass'


@dataclass(frozen=True, eq=False)
class Restored:
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
    rung: Rung
    reference_age: float | None
    reason: str
    detail: str
    uncertainty: Callable[[], np.ndarray]


@dataclass(frozen=True, eq=False)
class Continued:
    """What was restored since the last intact frame: the newest, and the kept frame before it.

    `lost` is bool (H, W), of the newest.
    """

    newest: KeptFrame
    before: KeptFrame
    lost: np.ndarray

    def views(self, lost: np.ndarray, intact: References) -> tuple[References, ...]:
        """Choose what to restore a frame from of which `lost`, bool (H, W), is lost.

        Where damage wanders, from the last two frames. In a hole that stays their motion would be
        that of what was made up there, and errors pile up: there it is the motion since the newest
        intact frame, and the intact frames are asked too.
        """
        both = cv2.countNonZero((lost & self.lost).view(np.uint8))
        if both <= STAYS * cv2.countNonZero(lost.view(np.uint8)):
            return (References((self.newest, self.before)),)
        return References((self.newest, intact.frames[0])), intact


class Restorer:
    """Keeps the last two intact frames of a camera and restores damaged ones from them.

    `max_reference_age` in seconds caps how long made-up pixels are served. `best_rung` caps the
    ladder from above; None means the best there is: the model if there is an `engine`.
    """

    def __init__(
        self,
        engine: Engine | None = None,
        *,
        max_reference_age: float = 1.0,
        best_rung: Rung | None = None,
    ) -> None:
        if not max_reference_age >= 0:
            raise InputError(f'max_reference_age must be 0 s or more, got {max_reference_age}')
        self.max_reference_age = max_reference_age
        self._engine = engine
        rungs = list(Rung)[list(Rung).index(best_rung or Rung.MODEL) :]
        self._ladder = [rung for rung in rungs if rung is not Rung.MODEL or engine is not None]
        self._references = References()
        self._continued: Continued | None = None
        self._pace = Pace()

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

        The frame is not copied: do not write to it afterwards. The engine encodes it now, so that
        a later `restore` need not. A frame of another shape, or a stamp before the kept one,
        starts anew. Raises FrameError.
        """
        check_frame(frame)
        self._start_anew_if_unlike(frame, stamp)
        encoded = None
        if self._engine is not None and Rung.MODEL in self._ladder:
            # A failure here shows when it matters: `restore` tries again and reports it.
            with suppress(Exception):
                encoded = self._engine.encode_reference(frame)
        kept = KeptFrame(frame, stamp, encoded)
        self._keep(References((kept, *self._references.frames[:1])))

    def restore(
        self, frame: np.ndarray, mask: np.ndarray, stamp: float, budget: float = math.inf
    ) -> Restored:
        """Restore a damaged frame; `mask` is 0 where intact, frame size or its grid of cells.

        Where the model is expected to take longer than `budget` seconds, motion serves. Without a
        lost pixel the frame is given back. Only a frame or mask that breaks the contract raises
        (FrameError); whatever fails on the way goes down the ladder.
        """
        check_frame(frame)
        lost = full_mask(mask, frame.shape[:2])
        if not lost.any() or self._ladder[0] is Rung.PASS:
            return _passed(frame, lost, None)
        other_size = self._start_anew_if_unlike(frame, stamp)
        references = self._references
        if not references.frames:
            reason = 'reference_size' if other_size else 'no_reference'
            return _passed(frame, lost, None, reason, f'no intact frame of {frame.shape} is kept')
        age = stamp - references.frames[0].stamp
        views: tuple[References, ...] = (references,)
        if self._continued is not None:
            views = self._continued.views(lost, references)
        if age > self.max_reference_age:
            detail = f'the kept frame is {age:.3f} s old, more than {self.max_reference_age:.3f} s'
            return _passed(frame, lost, age, 'reference_too_old', detail)
        reason, details = '', []
        share = cv2.countNonZero(lost.view(np.uint8)) / lost.size
        for rung in self._ladder[:-1]:
            objection = self._objection(rung, views[0], share, budget)
            if objection is not None:
                reason = reason or objection[0]
                details.append(objection[1])
                continue
            seen = self._affordable(rung, views, share, budget)
            began = time.perf_counter()
            try:
                made = [self._make(rung, view, frame, lost, stamp) for view in seen]
                pasted = [paste(frame, one.frame, lost) for one in made]
            except Exception as error:
                reason = reason or 'engine_error'
                details.append(f'{rung.value} failed: {type(error).__name__}: {error}')
                continue
            if rung is Rung.MODEL:
                self._pace.learn(share, (time.perf_counter() - began) / len(seen))
            if not lost.all():  # else nothing was seen at that time
                # One view goes on: a mean of means would blur more with every frame.
                self._continued = Continued(KeptFrame(pasted[0], stamp), views[0].frames[0], lost)
            told = [one.expected_error for one in made if one.expected_error is not None]
            # Of motion: from the intact frames, whatever was made up since, so that it never falls.
            uncertainty = partial(_mean_error, told) if told else partial(
                expected_error, references, lost, stamp, rung is not Rung.COPY
            )
            shown = _mean(pasted)
            return Restored(shown, lost, rung, age, reason, '; '.join(details), uncertainty)
        return _passed(frame, lost, age, reason, '; '.join(details))

    def _objection(
        self, rung: Rung, references: References, share: float, budget: float
    ) -> tuple[str, str] | None:
        """Say why a rung cannot serve now, as reason and detail; None if it can."""
        if references.motion is None and self._needs_motion(rung):
            return 'one_reference', 'motion needs two kept frames of different stamps'
        if rung is Rung.MODEL and (expected := self._pace.expected(share)) > budget:
            self._pace.forgive(share)
            return 'deadline', f'the model takes {expected:.3f} s, there are {budget:.3f} s'
        return None

    def _affordable(
        self, rung: Rung, views: tuple[References, ...], share: float, budget: float
    ) -> tuple[References, ...]:
        """Take all views if there is time to let the model judge them all, else the first."""
        if rung is Rung.MODEL and len(views) * self._pace.expected(share) > budget:
            return views[:1]
        return views

    def _keep(self, references: References) -> None:
        """Take other intact frames: what was restored from those before serves no more."""
        self._references, self._continued = references, None

    def _needs_motion(self, rung: Rung) -> bool:
        if rung is Rung.MODEL:
            return cast('Engine', self._engine).references > 1
        return rung is Rung.WARP

    def _make(
        self, rung: Rung, references: References, frame: np.ndarray, lost: np.ndarray, stamp: float
    ) -> Made:
        """Let one rung make a frame like `frame`, meaningful where `lost`."""
        if rung is Rung.COPY:
            return Made(classical.copy(references, frame, lost, stamp))
        if rung is Rung.WARP:
            return Made(classical.const_velocity(references, frame, lost, stamp))
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
        elif self._continued and stamp <= self._continued.newest.stamp:
            self._continued = None
        return other_size


def _mean(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Give the mean of one or two frames: what they do not agree on is less wrong half way."""
    if len(frames) == 1:
        return frames[0]
    return cv2.addWeighted(frames[0], 0.5, frames[1], 0.5, 0)


def _mean_error(told: Sequence[Callable[[], np.ndarray]]) -> np.ndarray:
    first, *others = (error() for error in told)
    return first if not others else cv2.addWeighted(first, 0.5, others[0], 0.5, 0)


def _passed(
    frame: np.ndarray, lost: np.ndarray, age: float | None, reason: str = '', detail: str = ''
) -> Restored:
    """Give the input back as it came; what is lost in it can be anything."""
    unknown = partial(np.multiply, lost, 255, dtype=np.float32)
    return Restored(frame, np.zeros_like(lost), Rung.PASS, age, reason, detail, unknown)
