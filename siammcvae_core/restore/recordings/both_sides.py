# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Damaged frames of a recording restored from the intact frames before and after them.

The causal restoration of a burst waits for the intact frame that ends it, and the frame after that.
Then the burst is restored once more backwards in time, and interpolated between its intact ends;
`interpolation.merge_all` averages what there is. Where only one side is near, that side serves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from siammcvae_core.engines import Restoration
from siammcvae_core.frames import full_mask, paste
from siammcvae_core.motion.references import References
from siammcvae_core.restore.interpolation import BETWEEN, IntactPair, merge_all
from siammcvae_core.restore.recordings.sequence import FrameResult
from siammcvae_core.restore.restored_frame import RestoredFrame, RestoreMethod
from siammcvae_core.restore.restorer import Restorer

LONGEST = 48  # frames of a burst that wait in memory; a longer one is restored causally
MOST_BYTES = 2**29  # of these frames, beside which their restorations wait
MOVED = RestoreMethod.MODEL, RestoreMethod.WARP
"""Methods whose restorations are worth averaging with others."""


def restore_from_both_sides(
    results: Iterator[FrameResult], backward: Restorer
) -> Iterator[FrameResult]:
    """Improve a causal restoration by what comes after; as many results, in the same order.

    `backward` restores like the causal restorer, and belongs to this iterator.
    """
    burst: list[FrameResult] = []
    end: FrameResult | None = None
    for result in results:
        if end is not None:
            yield from _improved(burst, end, result, backward)
            yield end
            burst, end = [], None
        if result.restored is not None:
            burst.append(result)
            if len(burst) > LONGEST or len(burst) * result.frame.frame.nbytes > MOST_BYTES:
                yield from burst
                burst = []
        elif burst:
            end = result
        else:
            yield result
    if end is not None:
        yield from _improved(burst, end, None, backward)
        yield end
    else:
        yield from burst


def _improved(
    burst: Sequence[FrameResult],
    end: FrameResult,
    following: FrameResult | None,
    backward: Restorer,
) -> Iterator[FrameResult]:
    """Restore a burst from its `end`, and the frame `following` that, as well."""
    backward.reset()
    for result in (following, end):
        if result is not None and result.restored is None:
            backward.observe(result.frame.frame, -result.frame.time)
    pair = _pair(burst[0].intact, backward.intact)
    improved = []
    for result in reversed(burst):
        if result.finished:
            break
        improved.append(_improve(result, pair, backward))
    yield from burst[: len(burst) - len(improved)]
    yield from reversed(improved)


def _pair(before: References, after: References) -> IntactPair | None:
    """Pair the intact ends of a burst; None where they differ in shape or not in time."""
    if not before.frames or before.frames[0].frame.shape != after.frames[0].frame.shape:
        return None
    return IntactPair.of(before, after) if before.frames[0].stamp < -after.frames[0].stamp else None


def _improve(result: FrameResult, pair: IntactPair | None, backward: Restorer) -> FrameResult:
    """Restore a damaged frame backwards and between, and merge all."""
    frame, causal = result.frame, result.restored
    if causal is None or frame.error is not None or frame.mask is None:
        return result
    lost = full_mask(frame.mask, frame.frame.shape[:2])
    reverse = backward.restore(frame.frame, lost, -frame.time)
    parts = [
        Restoration(one.frame, one.uncertainty) for one in (causal, reverse) if one.method in MOVED
    ]
    factors = [1.0] * len(parts)
    if pair is not None and pair.reaches(frame.frame, frame.time, backward.max_reference_age):
        parts.append(pair.interpolate(frame.frame, lost, frame.time))
        factors.append(BETWEEN if lost.all() else 1.0)
    if not parts or (len(parts) == 1 and causal.method in MOVED):
        only_after = causal.method is RestoreMethod.PASS and reverse.mask.any()
        return replace(result, restored=replace(reverse, both_sides=True) if only_after else causal)
    merged = merge_all(parts, factors)
    ages = [one.reference_age for one in (causal, reverse) if one.reference_age is not None]
    method = next((one.method for one in (causal, reverse) if one.method in MOVED), MOVED[1])
    restored = RestoredFrame(
        paste(frame.frame, merged.frame, lost), lost, method, min(ages, default=None), '', '',
        partial(_on_lost, merged, lost), both_sides=True,
    )  # fmt: skip
    return replace(result, restored=restored)


def _on_lost(merged: Restoration, lost: np.ndarray) -> np.ndarray:
    error: np.ndarray = merged.expected_error() if merged.expected_error else np.zeros(lost.shape)
    return np.float32(error * lost)
