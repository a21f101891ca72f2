# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`Restorer`: intact frames are observed, damaged ones restored by the fallback chain.

While damage lasts, the frame restored last serves as the newest reference: what it shows around the
hole was seen a moment ago. Age is counted from the last intact frame all the same. What depends on
the references alone can be computed before a damaged frame arrives.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
import math

import numpy as np

from siammcvae_core.engines import Engine
from siammcvae_core.errors import InputError
from siammcvae_core.frames import check_frame, format_size, full_mask
from siammcvae_core.motion.references import ReferenceFrame, References
from siammcvae_core.restore.fallback_chain import ChainResult, FallbackChain
from siammcvae_core.restore.recurrence import RecurrentState
from siammcvae_core.restore.restored_frame import passed_through, RestoredFrame, RestoreMethod
from siammcvae_core.restore.uncertainty import expected_error

ROUNDING = 1e-6  # seconds; differences of stamps of today, in float64, are known no better
RECENT_DAMAGE = 5.0  # seconds since the last damaged frame in which another is expected


class Restorer:
    """Restores the damaged frames of one camera from its last intact ones.

    `engine` runs the model, from `load_engine`; None restores by motion alone.
    `max_reference_age` is how many seconds after the last intact frame pixels are still replaced.
    `best_method` leaves out the methods above it; None allows all. Raises InputError for an age
    below 0. Serves one camera, and belongs to one thread.

    >>> import numpy as np
    >>> from siammcvae_core import Restorer
    >>> from siammcvae_core.simulation.drive import DriveSim
    >>> drive = DriveSim((320, 192))
    >>> restorer = Restorer()
    >>> restorer.observe(drive.render(0), stamp=0.0)
    >>> restorer.observe(drive.render(1), stamp=0.1)
    >>> damaged, mask = drive.render(2), np.zeros((192, 320), np.uint8)
    >>> mask[64:128, 80:240] = 255
    >>> damaged[mask != 0] = 0
    >>> restored = restorer.restore(damaged, mask, stamp=0.2)
    >>> restored.method.value, restored.frame.shape
    ('warp', (192, 320, 3))
    >>> bool(restored.mask.sum() == 64 * 160), round(restored.reference_age, 3)
    (True, 0.1)
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
        self._chain = FallbackChain(engine, best_method)
        self._references = References()
        self._recurrent: RecurrentState | None = None
        self._damaged_at = -math.inf
        self._preparations: list[Callable[[], object]] = []
        self._arrivals: dict[float, float] = {}

    @property
    def references(self) -> int:
        """How many references there are: 0 to `REFERENCES`."""
        return len(self._references.frames)

    @property
    def intact(self) -> References:
        """The references, newest first."""
        return self._references

    def reset(self) -> None:
        """Drop every reference."""
        self._keep(References())

    def forget(self, stamp: float) -> None:
        """Drop the reference of `stamp`, later found to be damaged; does nothing without one.

        So it does with the frame restored last, where more of it was lost than was restored.
        """
        others = tuple(old for old in self._references.frames if old.stamp != stamp)
        if len(others) < self.references:
            self._keep(References(others))
        elif self._recurrent is not None and self._recurrent.stamp == stamp:
            self._recurrent, self._preparations = None, []

    def observe(self, frame: np.ndarray, stamp: float, arrived: float | None = None) -> None:
        """Add an intact frame to the references.

        A frame of another shape than the references, or with an earlier stamp, replaces them all.

        Args:
            frame: uint8 (H, W, 3) BGR or (H, W) grey, C-contiguous. It is not copied: do not write
                to it afterwards.
            stamp: time of the frame in seconds, on any clock that `restore` shares.
            arrived: when it arrived in seconds, on any other clock that `restore` shares: a
                reference ages by whichever of the two clocks advances more.

        Raises:
            FrameError: `frame` is of another type or shape, empty, or not contiguous.

        """
        check_frame(frame)
        self._drop_unusable(frame, stamp)
        self._keep(self._references.with_newest(ReferenceFrame(frame, stamp)))
        if arrived is not None:
            self._arrivals[stamp] = arrived
        engine = self._chain.engine
        if engine is None:
            return
        if 0 <= stamp - self._damaged_at <= RECENT_DAMAGE:
            self._preparations = _preparations(engine, self._references)
        elif engine.eager:
            self._preparations = _preparations(engine, self._references)[:1]

    @property
    def unprepared(self) -> bool:
        """Whether `prepare` has something to do."""
        return bool(self._preparations)

    def prepare(self) -> None:
        """Compute one part of what depends on the references alone, to make `restore` faster.

        There is something to compute soon after a damaged frame, and with an engine that is
        `eager` after every intact one. It changes when things are computed, not what.
        """
        if self._preparations:
            # A failure here shows when it matters: `restore` tries again and reports it.
            with suppress(Exception):
                self._preparations.pop(0)()

    def restore(
        self,
        frame: np.ndarray,
        mask: np.ndarray,
        stamp: float,
        budget: float = math.inf,
        arrived: float | None = None,
    ) -> RestoredFrame:
        """Replace the lost pixels of a damaged frame by the best method that can serve.

        Whatever fails on the way makes the next method of the fallback chain serve; the last one
        passes the frame through. Without a lost pixel the frame is returned as it is.

        Args:
            frame: uint8 (H, W, 3) BGR or (H, W) grey, C-contiguous; lost pixels have any value.
            mask: uint8 or bool, 0 where intact, of frame size (H, W) or one value per square cell:
                (ceil(H/k), ceil(W/k)) for cells of k pixels.
            stamp: time of the frame in seconds.
            budget: seconds there are; where the model is expected to take longer, motion serves.
            arrived: when it arrived in seconds, see `observe`.

        Returns:
            The restored frame, the pixels replaced, the method that served and why not a better
            one, and the expected error. Intact pixels are those of `frame`.

        Raises:
            FrameError: `frame` is none, or `mask` does not fit it; nothing else is raised.

        """
        check_frame(frame)
        lost = full_mask(mask, frame.shape[:2])
        if not lost.any() or self._chain.methods[0] is RestoreMethod.PASS:
            return passed_through(frame, lost)
        other_shape = self._drop_unusable(frame, stamp)
        self._damaged_at = stamp
        self._preparations.clear()
        references = self._references
        if not references.frames:
            reason = 'reference_size' if other_shape else 'no_reference'
            detail = f'there is no reference of {format_size(frame.shape)}'
            return passed_through(frame, lost, None, reason, detail)
        age = self._reference_age(stamp, arrived)
        if age > self.max_reference_age + ROUNDING:
            detail = f'the reference is {age:.3f} s old, more than {self.max_reference_age:.3f} s'
            return passed_through(frame, lost, age, 'reference_too_old', detail)
        views = self._views(lost)
        result = self._chain.restore(views, frame, lost, stamp, budget)
        if result.output is None:
            return passed_through(frame, lost, age, result.reason, result.detail)
        if not lost.all():  # else nothing was seen at that time
            self._continue_from(result, views, lost, stamp)
        # Of motion: from the intact frames, whatever was restored since, so that it never falls.
        uncertainty = result.output.expected_error or partial(
            expected_error, references, lost, stamp, result.method is not RestoreMethod.COPY
        )
        return RestoredFrame(
            result.output.frame, lost, result.method, age, result.reason, result.detail, uncertainty
        )

    def _reference_age(self, stamp: float, arrived: float | None) -> float:
        """Return how old the newest intact frame is, in seconds by the clock that says more."""
        newest = self._references.frames[0].stamp
        waited = 0.0 if arrived is None else arrived - self._arrivals.get(newest, arrived)
        return max(stamp - newest, waited)

    def _views(self, lost: np.ndarray) -> tuple[References, ...]:
        """Choose the references: the intact frames, or while damage lasts the restored one too."""
        if self._recurrent is not None:
            # Where computing the engine's expected error fails: as if it had restored nothing.
            with suppress(Exception):
                return self._recurrent.views(lost)
        return (self._references,)

    def _continue_from(
        self, result: ChainResult, views: tuple[References, ...], lost: np.ndarray, stamp: float
    ) -> None:
        """Make the restored frame a reference for the next damaged one, and prepare for that."""
        if result.recurrent is None:
            return
        before, newest = self._recurrent, views[0].frames[0]
        state = RecurrentState(result.recurrent, stamp, lost, newest, self._references)
        self._recurrent = state
        if result.method is RestoreMethod.MODEL and before is not None:
            static = len(views) > 1
            self._preparations = [partial(self._prepare_next, state, static)]

    def _prepare_next(self, state: RecurrentState, static: bool) -> None:
        """Add the preparations for a next damaged frame, its hole in the same place if `static`."""
        if self._chain.engine is not None:
            view = state.for_static_hole if static else state.for_moving_hole
            self._preparations += _preparations(self._chain.engine, view)

    def _keep(self, references: References) -> None:
        """Replace the intact frames; what was computed from those before is dropped."""
        self._references, self._recurrent, self._preparations = references, None, []
        stamps = {old.stamp for old in references.frames}
        self._arrivals = {s: arrived for s, arrived in self._arrivals.items() if s in stamps}

    def _drop_unusable(self, frame: np.ndarray, stamp: float) -> bool:
        """Drop references of another shape or a later stamp; True if the shape differed."""
        if not self._references.frames:
            return False
        newest = self._references.frames[0]
        other_shape = newest.frame.shape != frame.shape
        if other_shape or stamp < newest.stamp:
            self.reset()
        elif self._recurrent and stamp <= self._recurrent.stamp:
            self._recurrent = None
        return other_shape


def _preparations(engine: Engine, view: References) -> list[Callable[[], object]]:
    """List what can be computed before a frame arrives that is restored from these references."""
    motion = [] if view.motion is None else [view.motion.prepare, view.motion.prepare_path]
    return [partial(view.frames[0].encoded_by, engine.encode_reference), *motion]
