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
from siammcvae_core.motion.references import REFERENCES
from siammcvae_core.restore.recordings.resumable_output import PART, ResumableOutput
from siammcvae_core.restore.restored_frame import passed_through, RestoredFrame, RestoreMethod
from siammcvae_core.restore.restorer import Restorer

INTACT, NO_MASK = 'intact', 'no mask'


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


Write = Callable[[MaskedFrame, RestoredFrame | None], None]
"""Writes a frame, restored or, with None, intact."""


def without_masks(source: Source) -> Iterator[MaskedFrame]:
    """Yield the frames of a video as they are."""
    for recorded in source:
        yield MaskedFrame(recorded.index, recorded.stamp, to_core(recorded), None)


def restore_frames(
    frames: Iterator[MaskedFrame],
    restorer: Restorer,
    output: ResumableOutput,
    open_part: Callable[[Path], AbstractContextManager[Write]],
    suffix: str,
    count: Callable[[int], object],
) -> None:
    """Restore the frames not finished yet and write them to parts; calls `count` with their number.

    Frames are numbered from 0. The frames that the restorer kept when the last part ended are
    observed again and the damaged ones since then restored again, so a resumed run gives the same
    frames as an uninterrupted one (a model may round a last bit otherwise).
    """
    kept = deque(output.kept, maxlen=REFERENCES)
    for frame in islice(frames, output.done):
        if frame.index in kept or (kept and frame.index > kept[-1]):
            _restore(frame, restorer)
        count(1)
    counts = Counter(output.counts)
    while (first := next(frames, None)) is not None:
        with output.part(suffix) as path, open_part(path) as write:
            for frame in chain((first,), islice(frames, PART - 1)):
                restored = _restore(frame, restorer)
                counts[_outcome(frame, restored)] += 1
                if restored is None:
                    kept.append(frame.index)
                write(frame, restored)
                count(1)
        still_kept = list(kept)[len(kept) - min(restorer.references, len(kept)) :]
        output.finish(frame.index + 1, still_kept, counts)


def _restore(frame: MaskedFrame, restorer: Restorer) -> RestoredFrame | None:
    if frame.error is not None:
        lost = np.zeros(frame.frame.shape[:2], np.bool_)
        return passed_through(frame.frame, lost, None, frame.error.reason, str(frame.error))
    if frame.mask is None or not frame.mask.any():
        restorer.observe(frame.frame, frame.time)
        return None
    return restorer.restore(frame.frame, frame.mask, frame.time)


def _outcome(frame: MaskedFrame, restored: RestoredFrame | None) -> str:
    if restored is None:
        return NO_MASK if frame.mask is None else INTACT
    if restored.method is RestoreMethod.PASS:
        return f'passed: {restored.reason}'
    return f'restored: {restored.method.value}'
