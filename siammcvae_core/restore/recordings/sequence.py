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

from siammcvae_core.restore.recordings.work import PART, Work
from siammcvae_core.restore.restorer import RestoredFrame, RestoreMethod, Restorer

INTACT, NO_MASK = 'intact', 'no mask'


@dataclass(frozen=True, eq=False)
class Item:
    """A frame in core layout, its stamp in nanoseconds, and its mask; None if it has none."""

    index: int
    stamp: int
    frame: np.ndarray
    mask: np.ndarray | None


Write = Callable[[Item, RestoredFrame | None], None]
"""Takes each frame with what came of it; None stands for an intact one."""


def restore_items(
    items: Iterator[Item],
    restorer: Restorer,
    work: Work,
    open_part: Callable[[Path], AbstractContextManager[Write]],
    suffix: str,
    count: Callable[[int], object],
) -> None:
    """Restore what is not done yet and write it to parts; `count` is told of frames done.

    Frames are numbered from 0. The frames that the restorer kept when the last part ended are
    observed again and the damaged ones since then restored again, so a resumed run makes the very
    frames that one in a piece makes (a model may round a last bit otherwise).
    """
    kept = deque(work.kept, maxlen=2)
    for item in islice(items, work.done):
        if item.index in kept or (kept and item.index > kept[-1]):
            _restore(item, restorer)
        count(1)
    counts = Counter(work.counts)
    while (first := next(items, None)) is not None:
        with work.part(suffix) as path, open_part(path) as write:
            for item in chain((first,), islice(items, PART - 1)):
                restored = _restore(item, restorer)
                counts[_outcome(item, restored)] += 1
                if restored is None:
                    kept.append(item.index)
                write(item, restored)
                count(1)
        still = list(kept)[len(kept) - min(restorer.references, len(kept)) :]
        work.finish(item.index + 1, still, counts)


def _restore(item: Item, restorer: Restorer) -> RestoredFrame | None:
    stamp = item.stamp * 1e-9
    if item.mask is None or not item.mask.any():
        restorer.observe(item.frame, stamp)
        return None
    return restorer.restore(item.frame, item.mask, stamp)


def _outcome(item: Item, restored: RestoredFrame | None) -> str:
    if restored is None:
        return NO_MASK if item.mask is None else INTACT
    if restored.method is RestoreMethod.PASS:
        return f'passed: {restored.reason}'
    return f'restored: {restored.method.value}'
