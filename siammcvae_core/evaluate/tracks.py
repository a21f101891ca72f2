# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Objects followed through a clip, and the frames in which damage breaks their tracks."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from siammcvae_core.evaluate.findings import compare, IN_TRUTH, lost_objects
from siammcvae_core.perception import match, ObjectDetector, Objects


class TrackScores:
    """Follows the objects of undamaged frames, and counts where restored frames have lost them.

    An object is the one of the frame before that has its class and overlaps enough to match.
    """

    def __init__(self, detector: ObjectDetector, truths: Sequence[np.ndarray]) -> None:
        self._detector = detector
        self._truths = [detector.detect(truth) for truth in truths]
        self._tracks = follow(self._truths)
        self._found: dict[tuple[Hashable, int], list[bool]] = defaultdict(list)

    def add(self, what: Hashable, index: int, restored: np.ndarray, mask: np.ndarray) -> None:
        """Score a restored frame of `what` (a method, say), in place of the truth of this index.

        `mask`, bool (H, W), is True where pixels were lost.
        """
        truth = self._truths[index]
        findings = compare(truth, self._detector.detect(restored), mask)
        tracks = self._tracks[index][lost_objects(truth, mask)]
        for track, is_found in zip(tracks.tolist(), findings.is_again.tolist(), strict=True):
            self._found[what, track].append(is_found)

    def rows(self) -> Iterable[tuple[Any, dict[str, int]]]:
        """Yield `what` and the row of a track, for all.

        In `frames` frames its object was lost, in `broken` of these it was not found again,
        `longest` in a row.
        """
        for (what, track), found in self._found.items():
            runs = [len(list(run)) for is_found, run in groupby(found) if not is_found]
            row = {'track': track, 'frames': len(found), 'broken': sum(runs)}
            yield what, row | {'longest': max(runs, default=0)}


def follow(frames: Iterable[Objects]) -> list[np.ndarray]:
    """Return the track numbers of the objects of successive frames, int (N,); -1 below IN_TRUTH."""
    tracks: list[np.ndarray] = []
    before, known, count = None, np.zeros(0, int), 0
    for objects in frames:
        certain = np.flatnonzero(objects.scores >= IN_TRUTH)
        now = objects.pick(certain)
        earlier = np.full(len(now), -1) if before is None else match(now, before)
        is_new = earlier < 0
        numbers = np.empty(len(now), int)
        numbers[~is_new] = known[earlier[~is_new]]
        numbers[is_new] = count + np.arange(is_new.sum())
        count += int(is_new.sum())
        before, known = now, numbers
        tracks.append(np.full(len(objects), -1))
        tracks[-1][certain] = numbers
    return tracks
