# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fallback chain: the best method that can serve now restores the frame.

The order is model > motion warp > copy > pass-through. A method is skipped where it lacks a
reference, where the model is expected to take longer than there is time, and where it fails.
"""

from dataclasses import dataclass, replace
import time
from typing import NamedTuple

import cv2
import numpy as np

from siammcvae_core.engines import Engine, Restoration
from siammcvae_core.frames import format_size, paste
from siammcvae_core.motion.references import References
from siammcvae_core.restore.fallbacks import copy, mean_velocity
from siammcvae_core.restore.latency import LatencyEstimate
from siammcvae_core.restore.recurrence import merge
from siammcvae_core.restore.restored_frame import RestoreMethod


class SkipReason(NamedTuple):
    """Why a method cannot serve: in snake_case and in a sentence."""

    reason: str
    detail: str


@dataclass(frozen=True, eq=False)
class ChainResult:
    """What the chain restored, by which method, and why not by a better one.

    `output` is the frame to publish, `recurrent` the one to restore the next damaged frame from;
    both are whole frames, intact pixels included, and None of the method `pass`.
    """

    method: RestoreMethod
    output: Restoration | None
    recurrent: Restoration | None
    reason: str
    detail: str


class FallbackChain:
    """The methods of one camera, best first, with the engine and its latency.

    `best_method` leaves out the methods above it; None allows all. The model needs an `engine`.
    """

    def __init__(self, engine: Engine | None, best_method: RestoreMethod | None) -> None:
        methods = list(RestoreMethod)
        allowed = methods[methods.index(best_method or RestoreMethod.MODEL) :]
        self.engine = engine if RestoreMethod.MODEL in allowed else None
        self.methods = [
            method for method in allowed if method is not RestoreMethod.MODEL or self.engine
        ]
        self._latency = LatencyEstimate()

    def restore(
        self,
        views: tuple[References, ...],
        frame: np.ndarray,
        lost: np.ndarray,
        stamp: float,
        budget: float,
    ) -> ChainResult:
        """Restore `frame` by the first method that can serve; never raises.

        `views` are the one or two pairs of references to restore from, `lost` is bool (H, W),
        `stamp` and `budget` are in seconds.
        """
        reasons: list[SkipReason] = []
        share = cv2.countNonZero(lost.view(np.uint8)) / lost.size
        for method in self.methods[:-1]:
            reason = self._skip_reason(method, views[0], share, budget)
            if reason is None:
                try:
                    output, recurrent = self._predict(
                        method, self._affordable(method, views, share, budget),
                        frame, lost, stamp, share,
                    )  # fmt: skip
                    return _result(method, output, recurrent, reasons)
                except Exception as error:
                    detail = f'{method.value} failed: {type(error).__name__}: {error}'
                    reason = SkipReason('engine_error', detail)
            reasons.append(reason)
        return _result(RestoreMethod.PASS, None, None, reasons)

    def _skip_reason(
        self, method: RestoreMethod, references: References, share: float, budget: float
    ) -> SkipReason | None:
        """Say why a method cannot serve now; None if it can."""
        if references.motion is None and self._needs_motion(method):
            detail = 'motion needs two references of different stamps'
            return SkipReason('one_reference', detail)
        if method is RestoreMethod.MODEL and (expected := self._latency.expected(share)) > budget:
            self._latency.decay(share)
            detail = f'the model takes {expected:.3f} s, there are {budget:.3f} s'
            return SkipReason('deadline', detail)
        return None

    def _needs_motion(self, method: RestoreMethod) -> bool:
        if method is RestoreMethod.MODEL and self.engine is not None:
            return self.engine.references > 1
        return method is RestoreMethod.WARP

    def _affordable(
        self, method: RestoreMethod, views: tuple[References, ...], share: float, budget: float
    ) -> tuple[References, ...]:
        """Return all views if the model has the time for all of them, else the first."""
        if method is RestoreMethod.MODEL and len(views) * self._latency.expected(share) > budget:
            return views[:1]
        return views

    def _predict(
        self,
        method: RestoreMethod,
        views: tuple[References, ...],
        frame: np.ndarray,
        lost: np.ndarray,
        stamp: float,
        share: float,
    ) -> tuple[Restoration, Restoration]:
        """Restore from every view; returns the output and what the next frame starts from.

        The next frame starts from the first view alone: a mean of means would blur more with every
        frame.
        """
        began = time.perf_counter()
        first, *others = (self._restore_with(method, view, frame, lost, stamp) for view in views)
        output = recurrent = replace(first, frame=paste(frame, first.frame, lost))
        if others:
            merged = merge(first, others[0])
            output = replace(merged, frame=paste(frame, merged.frame, lost))
        if method is RestoreMethod.MODEL:
            self._latency.update(share, (time.perf_counter() - began) / len(views))
        return output, recurrent

    def _restore_with(
        self,
        method: RestoreMethod,
        references: References,
        frame: np.ndarray,
        lost: np.ndarray,
        stamp: float,
    ) -> Restoration:
        """Restore by one method: a frame like `frame`, meaningful where `lost`."""
        if method is RestoreMethod.MODEL and self.engine is not None:
            restoration = self.engine.restore(references, frame, lost, stamp)
            _check_like(restoration.frame, frame)
            return restoration
        fallback = copy if method is RestoreMethod.COPY else mean_velocity
        return Restoration(fallback(references, frame, lost, stamp))


def _check_like(restored: np.ndarray, frame: np.ndarray) -> None:
    if restored.shape != frame.shape or restored.dtype != frame.dtype:
        actual = f'{restored.dtype} {format_size(restored.shape)}'
        expected = f'{frame.dtype} {format_size(frame.shape)}'
        raise TypeError(f'engine returned {actual}, expected {expected}')


def _result(
    method: RestoreMethod,
    output: Restoration | None,
    recurrent: Restoration | None,
    reasons: list[SkipReason],
) -> ChainResult:
    reason = reasons[0].reason if reasons else ''
    detail = '; '.join(skipped.detail for skipped in reasons)
    return ChainResult(method, output, recurrent, reason, detail)
