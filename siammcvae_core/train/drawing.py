# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is drawn for a sample of a clip: its frames, their common crop, and its lost patches."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import cv2
import numpy as np

from siammcvae_core.data.cache import CachedClip
from siammcvae_core.data.pairs import Gap, NANO, reference_position
from siammcvae_core.faults.masks import CELL, make_mask
from siammcvae_core.motion.rectangle import Rectangle
from siammcvae_core.train.clip_order import draw_index
from siammcvae_core.train.config import DataConfig, fault_spec


@dataclass(frozen=True)
class SampleFormat:
    """Samples of a system: `size` (height, width), `patch` in pixels, number of `references`.

    Roll-outs have `rollout` damaged frames more; other samples then have older intact ones instead.
    """

    size: tuple[int, int]
    patch: int
    references: int
    rollout: int = 0

    @property
    def frames(self) -> int:
        """Number of frames of a sample before its target."""
        return self.references + self.rollout

    @property
    def patches(self) -> int:
        """Number of patches of a frame."""
        return (self.size[0] // self.patch) * (self.size[1] // self.patch)


def has_pair(clip: CachedClip, references: int, gap: Gap) -> bool:
    """Whether a frame of the clip has `references` before it, the newest of them by the gap."""
    return _longest(_line(clip, gap), references) >= gap.length


def draw_positions(
    clip: CachedClip, gaps: tuple[Gap, Gap], references: int, rng: np.random.Generator
) -> list[int]:
    """Draw the positions of the references, newest first, and of the target in a cached clip.

    The gap is log-uniform between the least and the most of `gaps`,

        gap = floor(exp(U)),    U uniform in [log least, log(most + 1))

    and no longer than the clip, which must have a pair at the least.
    """
    least, most = gaps
    line = _line(clip, least)
    longest = min(most.length, _longest(line, references))
    drawn = int(math.exp(rng.uniform(math.log(least.length), math.log(longest + 1))))
    length = min(drawn, longest)  # rounding may reach the end of the half-open range
    first_target = int(np.searchsorted(line, line[references - 1] + length))
    target = int(rng.integers(first_target, len(line)))
    gap = Gap(frames=length) if least.frames else Gap(seconds=length / NANO)
    newest = reference_position(clip.indices, clip.stamps, target, gap) or 0
    return [*range(newest, newest - references, -1), target]


def cut(
    clip: CachedClip,
    positions: Sequence[int],
    size: tuple[int, int],
    zoom: float,
    place: tuple[float, float],
) -> np.ndarray:
    """Cut the same rectangle out of several frames and bring it to `size`.

    It has the shape of `size` and `zoom` times the largest sides that fit; `place` in [0, 1]² says
    where it lies from left to right and from top to bottom. Returns RGB, (len(positions), H, W, 3).
    """
    (height, width), (rows, columns) = size, clip.frames.shape[1:3]
    scale = zoom * min(rows / height, columns / width)
    tall, wide = max(1, round(scale * height)), max(1, round(scale * width))
    left, top = round(place[0] * (columns - wide)), round(place[1] * (rows - tall))
    code = cv2.COLOR_GRAY2RGB if clip.frames.ndim == 3 else cv2.COLOR_BGR2RGB
    shrinks = tall > height and wide > width
    crop = Rectangle(top, left, tall, wide, (rows, columns))
    frames = np.empty((len(positions), height, width, 3), np.uint8)
    for frame, position in zip(frames, positions, strict=True):
        image = crop.cut(clip.frames[position])
        if (tall, wide) != size:
            how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            image = cv2.resize(image, (width, height), interpolation=how)
        cv2.cvtColor(image, code, dst=frame)
    return frames


def draw_lost(
    sample_format: SampleFormat, config: DataConfig, rng: np.random.Generator
) -> np.ndarray:
    """Draw which patches are lost, bool (N,): all that a fault mask of a drawn pattern touches."""
    rows, columns = (
        sample_format.size[0] // sample_format.patch,
        sample_format.size[1] // sample_format.patch,
    )
    names = list(config.faults)
    name = names[draw_index(np.cumsum([config.faults[n] for n in names]), rng)]
    spec = fault_spec(name, rng.uniform(*config.ratio))
    mask = make_mask(spec, (rows * CELL, columns * CELL), rng)  # a cell stands for a patch
    return mask.reshape(rows, CELL, columns, CELL).any(axis=(1, 3)).ravel()


def _line(clip: CachedClip, gap: Gap) -> np.ndarray:
    """Return what a gap is measured along: the numbers of the frames, or their times in ns."""
    return clip.indices if gap.frames else clip.stamps


def _longest(line: np.ndarray, references: int) -> int:
    """Measure from the newest of the first references to the last frame; 0 for none."""
    return int(line[-1] - line[references - 1]) if len(line) > references else 0


def in_reverse(clip: CachedClip, positions: list[int]) -> list[int]:
    """Reverse time: references after the target instead of before it, if the clip is long enough.

    The newest reference and the target change places; an older reference moves on behind.
    """
    *references, target = positions
    last = target + len(references) - 1
    if last >= len(clip.indices):
        return positions
    return [*range(target, last + 1), references[0]]


def roll_out(positions: list[int], sample_format: SampleFormat) -> list[int] | None:
    """Put frames between the references and the target, the first next to it; None without room."""
    newest, target = positions[0], positions[-1]
    ahead = 1 if target > newest else -1
    distance, count = target - ahead - newest, sample_format.rollout
    between = [newest + round(distance * k / count) for k in range(count, 0, -1)]
    if abs(distance) < count:
        return None
    return [*between, *positions[: sample_format.references], target]


def seconds_between(clip: CachedClip, positions: list[int]) -> np.ndarray:
    """Compute the seconds from each reference to the target, which is last: float32 (R,)."""
    stamps = clip.stamps[positions]
    return (np.abs(stamps[-1] - stamps[:-1]) / NANO).astype(np.float32)
