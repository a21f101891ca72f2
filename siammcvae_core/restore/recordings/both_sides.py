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
from siammcvae_core.frames import paste
from siammcvae_core.motion.references import ReferenceFrame, References
from siammcvae_core.restore.interpolation import IntactPair, merge_all
from siammcvae_core.restore.recordings.sequence import Step
from siammcvae_core.restore.restored_frame import RestoredFrame, RestoreMethod
from siammcvae_core.restore.restorer import Restorer

LONGEST = 48  # frames of a burst that wait in memory; a longer one is restored causally
MOST_BYTES = 2**29  # of these frames, beside which their restorations wait
MOVED = RestoreMethod.MODEL, RestoreMethod.WARP
"""Methods whose restorations are worth averaging with others."""


def restored_from_both_sides(steps: Iterator[Step], backward: Restorer) -> Iterator[Step]:
    """Improve the steps of a causal restoration by what comes after; as many, in the same order.

    `backward` restores like the causal restorer, and belongs to this iterator.
    """
    before = References()
    burst: list[Step] = []
    end: Step | None = None
    for step in steps:
        if end is not None:
            yield from _improved(before, burst, end, step, backward)
            yield end
            before, burst, end = before.with_newest(_reference(end)), [], None
        if step.restored is not None:
            burst.append(step)
            if len(burst) > LONGEST or len(burst) * step.frame.frame.nbytes > MOST_BYTES:
                yield from burst
                before, burst = References(), []
        elif burst:
            end = step
        else:
            before = before.with_newest(_reference(step))
            yield step
    if end is not None:
        yield from _improved(before, burst, end, None, backward)
        yield end
    else:
        yield from burst


def _improved(
    before: References,
    burst: Sequence[Step],
    end: Step,
    following: Step | None,
    backward: Restorer,
) -> Iterator[Step]:
    """Restore a burst from its `end` as well, and from the frames `before` and `following`."""
    backward.reset()
    after = References()
    for step in (following, end):
        if step is not None and step.restored is None:
            backward.observe(step.frame.frame, -step.frame.time)
            after = after.with_newest(ReferenceFrame(step.frame.frame, -step.frame.time))
    pair = _pair(before, after)
    improved = []
    for step in reversed(burst):
        if step.finished:
            break
        improved.append(_improve(step, pair, end.frame.time, backward))
    yield from burst[: len(burst) - len(improved)]
    yield from reversed(improved)


def _reference(step: Step) -> ReferenceFrame:
    return ReferenceFrame(step.frame.frame, step.frame.time)


def _pair(before: References, after: References) -> IntactPair | None:
    """Pair the intact ends of a burst; None where they differ in shape or not in time."""
    frames = [*before.frames[:2], *after.frames[:2]]
    one_shape = len({frame.frame.shape for frame in frames}) == 1
    if not (before.frames and one_shape and before.frames[0].stamp < -after.frames[0].stamp):
        return None
    return IntactPair.of(before.newest(2), after)


def _improve(step: Step, pair: IntactPair | None, end: float, backward: Restorer) -> Step:
    """Restore a damaged frame backwards and between, and merge all; `end` is in seconds."""
    frame, causal = step.frame, step.restored
    if causal is None or frame.error is not None or frame.mask is None:
        return step
    reverse = backward.restore(frame.frame, frame.mask, -frame.time)
    parts = [
        Restoration(one.frame, one.uncertainty) for one in (causal, reverse) if one.method in MOVED
    ]
    oldest = backward.max_reference_age
    if pair is not None and frame.frame.shape == pair.before.frame.shape:
        start = pair.before.stamp
        if start < frame.time < end and max(frame.time - start, end - frame.time) <= oldest:
            parts.append(pair.interpolate(frame.time))
    lost = causal.mask if causal.mask.any() else reverse.mask
    if not parts or (len(parts) == 1 and causal.method in MOVED):
        only_after = causal.method is RestoreMethod.PASS and reverse.mask.any()
        return replace(step, restored=replace(reverse, both_sides=True) if only_after else causal)
    merged = merge_all(parts)
    ages = [one.reference_age for one in (causal, reverse) if one.reference_age is not None]
    method = next((one.method for one in (causal, reverse) if one.method in MOVED), MOVED[1])
    restored = RestoredFrame(
        paste(frame.frame, merged.frame, lost), lost, method, min(ages, default=None), '', '',
        partial(_on_lost, merged, lost), both_sides=True,
    )  # fmt: skip
    return replace(step, restored=restored)


def _on_lost(merged: Restoration, lost: np.ndarray) -> np.ndarray:
    error: np.ndarray = merged.expected_error() if merged.expected_error else np.zeros(lost.shape)
    return np.float32(error * lost)
