# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The loop over the frames of a recording: observe intact ones, restore damaged ones, in parts."""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np

from siammcvae_core.data.pairs import to_core
from siammcvae_core.errors import FrameError
from siammcvae_core.frames import Source
from siammcvae_core.motion.references import REFERENCES, References
from siammcvae_core.restore.recordings.resumable_output import PART, ResumableOutput
from siammcvae_core.restore.restored_frame import passed_through, RestoredFrame, RestoreMethod
from siammcvae_core.restore.restorer import Restorer

INTACT, NO_MASK = 'intact', 'no mask'
BOTH_SIDES = 'from both sides'


@dataclass(frozen=True, eq=False)
class MaskedFrame:
    """A recorded frame as `Restorer` takes it, stamp in nanoseconds; `mask` is None without one.

    `seconds` is its time where that is not its stamp. With an `error` it cannot be restored, or its
    mask not be read: it is passed on, and `frame` has its size, no pixels of it.
    """

    index: int
    stamp: int
    frame: np.ndarray
    mask: np.ndarray | None
    seconds: float | None = None
    error: FrameError | None = None

    @property
    def time(self) -> float:
        """When it was taken, in seconds."""
        return self.stamp * 1e-9 if self.seconds is None else self.seconds


@dataclass(frozen=True, eq=False)
class FrameResult:
    """A frame and its restoration, None where it is intact.

    `intact` are the references that the restorer had after it. It is `finished` if an earlier run
    wrote it.
    """

    frame: MaskedFrame
    restored: RestoredFrame | None
    intact: References
    finished: bool = False


Write = Callable[[MaskedFrame, RestoredFrame | None], None]
"""Writes a frame, restored or, with None, intact."""


def without_masks(source: Source) -> Iterator[MaskedFrame]:
    """Yield the frames of a video with the masks that it tells by itself, None mostly."""
    for recorded in source:
        yield MaskedFrame(recorded.index, recorded.stamp, to_core(recorded), recorded.mask)


def restore_causally(
    frames: Iterator[MaskedFrame], restorer: Restorer, output: ResumableOutput
) -> Iterator[FrameResult]:
    """Restore every frame from those before it.

    Of the frames that are finished those the restorer kept when the last part ended are observed
    again, and the damaged ones since then restored again, so a resumed run gives the same frames as
    an uninterrupted one (a model may round a last bit otherwise).
    """
    kept, done = list(output.kept), output.done
    for frame in islice(frames, done):
        if frame.index in kept or (kept and frame.index > kept[-1]):
            yield FrameResult(frame, _restore(frame, restorer), restorer.intact, finished=True)
    for frame in frames:
        yield FrameResult(frame, _restore(frame, restorer), restorer.intact)


def write_frames(
    results: Iterator[FrameResult],
    output: ResumableOutput,
    open_part: Callable[[Path], AbstractContextManager[Write]],
    suffix: str,
    count: Callable[[int], object],
) -> None:
    """Write the frames that are not finished yet to parts; calls `count` with their number.

    Frames are numbered from 0.
    """
    kept = deque(output.kept, maxlen=REFERENCES)
    counts = Counter(output.counts)
    count(output.done)
    waiting = (result for result in results if not result.finished)
    while (first := next(waiting, None)) is not None:
        with output.part(suffix) as path, open_part(path) as write:
            for result in chain((first,), islice(waiting, PART - 1)):
                counts[_outcome(result)] += 1
                if result.restored is None:
                    kept.append(result.frame.index)
                write(result.frame, result.restored)
                count(1)
        still_kept = list(kept)[len(kept) - min(len(result.intact.frames), len(kept)) :]
        output.finish(result.frame.index + 1, still_kept, counts)


def _restore(frame: MaskedFrame, restorer: Restorer) -> RestoredFrame | None:
    if frame.error is not None:
        lost = np.zeros(frame.frame.shape[:2], np.bool_)
        return passed_through(frame.frame, lost, None, frame.error.reason, str(frame.error))
    if frame.mask is None or not frame.mask.any():
        restorer.observe(frame.frame, frame.time)
        return None
    return restorer.restore(frame.frame, frame.mask, frame.time)


def _outcome(result: FrameResult) -> str:
    restored = result.restored
    if restored is None:
        return NO_MASK if result.frame.mask is None else INTACT
    if restored.method is RestoreMethod.PASS:
        return f'passed: {restored.reason}'
    how = f', {BOTH_SIDES}' if restored.both_sides else ''
    return f'restored: {restored.method.value}{how}'
