# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The damaged frames of an evaluation: drawn by clip and seed, the same for every method."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
import zlib

import cv2
import numpy as np

from siammcvae_core.data.pairs import distinct_frames, Gap, Pair, pairs, reference_position
from siammcvae_core.errors import SourceError
from siammcvae_core.faults.camera import damage
from siammcvae_core.faults.masks import make_mask, parse_fault
from siammcvae_core.frames import Source
from siammcvae_core.motion.references import ReferenceFrame, REFERENCES, References

LEAST_REFERENCES = 2


@dataclass(frozen=True, eq=False)
class DamagedCase:
    """One damaged frame and what a method may use to restore it, at the size of the plan.

    `truth` is uint8 (H, W, 3) or (H, W). `frame` is what the camera delivers, without a trace of
    the lost pixels, which are True in `mask`, bool (H, W). `seconds` have passed since the newest
    of the `reference_frames`.
    """

    index: int
    mask_spec: str
    gap: Gap
    truth: np.ndarray
    frame: np.ndarray
    mask: np.ndarray
    seconds: float
    reference_frames: tuple[ReferenceFrame, ...]

    @property
    def stamp(self) -> float:
        """When the damaged frame was taken, in seconds."""
        return self.reference_frames[0].stamp + self.seconds

    def references(self) -> References:
        """Return the reference frames, nothing computed from them yet, so that times compare."""
        return References(tuple(ReferenceFrame(r.frame, r.stamp) for r in self.reference_frames))


def choose_frames(
    source: Source, clip: str, gaps: Sequence[Gap], seed: int, samples: int
) -> list[int]:
    """Choose the frames of a clip to damage, by their indices: `samples` of them, spread over it.

    Only frames with two references at every gap are chosen, so that all gaps are about the same
    ones; fewer where the clip has fewer. Raises SourceError for a clip that has none.
    """
    seen = np.array([(frame.index, frame.stamp) for frame in distinct_frames(source)])
    seen = seen.reshape(-1, 2)
    eligible = [
        int(seen[target, 0])
        for target in range(len(seen))
        if all(_has_pair(seen, target, gap) for gap in gaps)
    ]
    if not eligible:
        early = f' ({source.broken})' if source.broken else ''
        gap_names = ', '.join(map(str, gaps))
        raise SourceError(
            f'none of its {len(seen)} distinct frames has two references at gaps {gap_names}{early}'
        )
    return spread(eligible, samples, np.random.default_rng([seed, _code(clip)]))


def draw_cases(
    source: Source,
    clip: str,
    chosen: Sequence[int],
    masks: Sequence[str],
    gaps: Sequence[Gap],
    size: tuple[int, int],
    seed: int,
) -> Iterator[DamagedCase]:
    """Yield the chosen frames with every gap and mask, in order of frame, gap and mask."""
    for gap, pair in pairs(source, gaps, LEAST_REFERENCES, most=REFERENCES):
        if pair.index in chosen:
            yield from _cases(clip, pair, gap, masks, size, seed)
        if pair.index > chosen[-1]:
            return


def spread(eligible: Sequence[int], count: int, rng: np.random.Generator) -> list[int]:
    """Choose up to `count` members, one at random from each of as many equal parts."""
    edges = np.linspace(0, len(eligible), min(count, len(eligible)) + 1)
    return [eligible[int(rng.uniform(a, b))] for a, b in pairwise(edges)]


def fit(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale an image to cover `size` (height, width) and crop its centre; a new frame."""
    height, width = image.shape[:2]
    scale = max(size[0] / height, size[1] / width)
    if scale != 1:
        scaled = max(size[1], round(width * scale)), max(size[0], round(height * scale))
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        image = cv2.resize(image, scaled, interpolation=interpolation)
    top, left = (image.shape[0] - size[0]) // 2, (image.shape[1] - size[1]) // 2
    return image[top : top + size[0], left : left + size[1]].copy()


def _has_pair(seen: np.ndarray, target: int, gap: Gap) -> bool:
    """Whether a frame has two references, all three taken at different times."""
    indices, stamps = seen.T
    first = reference_position(indices, stamps, target, gap) or 0
    return first > 0 and bool(stamps[first - 1] < stamps[first] < stamps[target])


def _cases(
    clip: str, pair: Pair, gap: Gap, masks: Sequence[str], size: tuple[int, int], seed: int
) -> Iterator[DamagedCase]:
    truth = fit(pair.target, size)
    references = tuple(
        ReferenceFrame(fit(frame, size), -seconds)
        for frame, seconds in zip(pair.references, pair.seconds, strict=True)
    )
    for spec in masks:
        # By frame and mask, not by gap: all gaps have the same masks.
        rng = np.random.default_rng([seed, *map(_code, (clip, spec)), pair.index])
        mask = make_mask(spec, size, rng)
        frame = damage(truth, mask, parse_fault(spec)[0], rng)
        yield DamagedCase(pair.index, spec, gap, truth, frame, mask, pair.seconds[0], references)


def _code(text: str) -> int:
    return zlib.crc32(text.encode())
