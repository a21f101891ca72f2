# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sample number i of a run: the same clip, frames, crop and mask whoever asks, in whatever order.

Nothing is drawn from a running state, so a resumed run, any number of processes and any number of
loader workers all see the same samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
import math
import sys
from typing import NamedTuple

import cv2
import numpy as np
from torch.utils.data import Dataset

from siammcvae_core.data.cache import CachedClip, Facts, FrameCache
from siammcvae_core.data.layouts import Clip
from siammcvae_core.data.pairs import Gap, NANO, reference_position
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.faults.masks import CELL, make_mask
from siammcvae_core.train.config import DataConfig, fault_spec

TRIES = 100
"""Clips tried for one sample, when those drawn turn out to have no pair."""
VISIT = 0.1
"""Samples drawn per frame of a clip before the window moves on, where not all clips fit."""
STAYS = 0.5
"""Share of the roll-outs in which the damage is the same in every frame."""
FILL = 0.75
"""Share of the cache budget that the clips in the window may take."""


class Sample(NamedTuple):
    """One pair: `frames` uint8 (R + 1, H, W, 3) RGB, references newest first, then the target.

    `lost` bool (N,) tells the lost patches, `seconds` float32 (R,) the times from reference to
    target, `damaged` bool (R, N) the lost patches of references that are not intact.
    """

    frames: np.ndarray
    lost: np.ndarray
    seconds: np.ndarray
    damaged: np.ndarray


@dataclass(frozen=True)
class Form:
    """What a system takes: `size` (height, width) and `patch` in pixels, number of `references`.

    Of roll-outs it takes `rollout` damaged frames more; other samples then have older intact ones
    in their place.
    """

    size: tuple[int, int]
    patch: int
    references: int
    rollout: int = 0

    @property
    def frames(self) -> int:
        """How many frames a sample has before its target."""
        return self.references + self.rollout

    @property
    def patches(self) -> int:
        """How many patches a frame has."""
        return (self.size[0] // self.patch) * (self.size[1] // self.patch)


class ClipOrder:
    """Which clips a sample may come from, and how often each is drawn.

    As often as it declares frames, times its factor in `clip_weights`. Where the clips do not all
    fit the budget (`moves`), a `window` of them moves through an order that is shuffled anew for
    every pass, one clip at a time, so that each is decoded about once per pass. What is decoded
    already makes no difference.
    """

    def __init__(self, facts: Sequence[Facts], config: DataConfig, budget: int, seed: int) -> None:
        factors = [_factor(f.name, config.clip_weights) for f in facts]
        self._weights = np.array([f.declared for f in facts]) * np.array(factors)
        if not self._weights.sum() > 0:
            raise InputError('no clip has frames to train on and a weight above 0')
        self._seed = seed
        largest_first = np.cumsum(sorted((f.room for f in facts), reverse=True))
        # So many clips fit together whichever they are; all of them if they fill the budget.
        fit = int(np.searchsorted(largest_first, FILL * budget, side='right'))
        fits = largest_first[-1] <= budget
        self.window = len(facts) if fits else max(1, fit)
        self.moves = not fits
        self._visit = max(1, round(VISIT * float(self._weights.mean())))
        self._all = np.cumsum(self._weights)

    def draw(self, index: int, rng: np.random.Generator, ahead: int = 0) -> int:
        """Draw the number of the clip for sample `index`, from the window so many clips `ahead`."""
        count = len(self._weights)
        if self.window == count:
            return _draw(self._all, rng)
        first = index // self._visit + ahead
        places = range(first, first + self.window)
        clips = [int(self._shuffled(place // count)[place % count]) for place in places]
        weights = np.cumsum(self._weights[clips])
        return clips[_draw(weights, rng)] if weights[-1] > 0 else _draw(self._all, rng)

    @lru_cache(maxsize=2)  # noqa: B019  one order lives as long as the run
    def _shuffled(self, turn: int) -> np.ndarray:
        return np.random.default_rng((self._seed, turn)).permutation(len(self._weights))


class TrainingSamples(Dataset[Sample]):
    """An endless list of samples, augmented."""

    def __init__(
        self,
        clips: Sequence[Clip],
        cache: FrameCache,
        order: ClipOrder,
        form: Form,
        config: DataConfig,
        seed: int,
    ) -> None:
        self._clips = clips
        self._cache = cache
        self._order = order
        self._form = form
        self._config = config
        self._gaps = config.gaps
        self._seed = seed
        self._told: set[str] = set()

    def __getitem__(self, index: int) -> Sample:
        """Make sample `index`; raises InputError where no clip drawn has a pair."""
        rng = np.random.default_rng((self._seed, 1, index))
        for tried in range(TRIES):
            clip = self._open(self._clips[self._order.draw(index, rng, ahead=tried)])
            if clip is not None and has_pair(clip, self._form.frames, self._gaps[0]):
                positions = draw_positions(clip, self._gaps, self._form.frames, rng)
                return self._augmented(clip, positions, rng)
        raise InputError(f'{TRIES} clips drawn and all are broken or shorter than the gap')

    def _open(self, clip: Clip) -> CachedClip | None:
        """Open a clip, or skip it; tells once what is wrong with one not looked at beforehand."""
        cached, fault = None, ''
        try:
            cached = self._cache.open(clip)
            fault = cached.facts.broken and f'cut short: {clip.name}: {cached.facts.broken}'
        except SourceError as error:
            fault = f'skipped: {error}'
        if fault and self._order.moves and clip.name not in self._told:
            self._told.add(clip.name)
            print(fault, file=sys.stderr)
        return cached

    def _augmented(
        self, clip: CachedClip, positions: list[int], rng: np.random.Generator
    ) -> Sample:
        if rng.random() < self._config.reverse:
            positions = _mirrored(clip, positions)
        rolled_out = None
        if self._form.rollout and rng.random() < self._config.rollouts:
            rolled_out = _rolled_out(positions, self._form)
        positions = rolled_out or positions
        zoom, x, y = rng.uniform(*self._config.zoom), rng.random(), rng.random()
        frames = cut(clip, positions, self._form.size, zoom, (x, y))
        if rng.random() < self._config.flip:
            frames = frames[:, :, ::-1]
        lost = draw_lost(self._form, self._config, rng)
        damaged = np.zeros((self._form.frames, self._form.patches), bool)
        if rolled_out:
            stays = rng.random() < STAYS
            for number in range(self._form.rollout):
                damaged[number] = lost if stays else draw_lost(self._form, self._config, rng)
        return Sample(np.ascontiguousarray(frames), lost, _seconds(clip, positions), damaged)


class ValidationSamples(Dataset[Sample]):
    """`count` samples, taken from every clip in turn, in the middle of the frame, as filmed.

    Every clip must be longer than the least gap.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        cache: FrameCache,
        form: Form,
        config: DataConfig,
        count: int,
        seed: int,
    ) -> None:
        self._cache = cache
        self._form = form
        self._config = config
        self._seed = seed
        self._count = count
        self._clips = clips

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        """Make sample `index`."""
        rng = np.random.default_rng((self._seed, 2, index))
        clip = self._cache.open(self._clips[index % len(self._clips)])
        positions = draw_positions(clip, self._config.gaps, self._form.frames, rng)
        frames = cut(clip, positions, self._form.size, self._config.zoom[1], (0.5, 0.5))
        lost = draw_lost(self._form, self._config, rng)
        intact = np.zeros((self._form.frames, self._form.patches), bool)
        return Sample(frames, lost, _seconds(clip, positions), intact)


def has_pair(clip: CachedClip, references: int, gap: Gap) -> bool:
    """Tell whether some frame of a clip has so many references, the newest a gap before it."""
    return _longest(_line(clip, gap), references) >= gap.length


def draw_positions(
    clip: CachedClip, gaps: tuple[Gap, Gap], references: int, rng: np.random.Generator
) -> list[int]:
    """Draw the positions of the references, newest first, and of the target in a cached clip.

    The gap is log-uniform between the least and the most of `gaps`, as far as the clip is long,
    which must have a pair at the least.
    """
    least, most = gaps
    line = _line(clip, least)
    longest = min(most.length, _longest(line, references))
    drawn = int(math.exp(rng.uniform(math.log(least.length), math.log(longest + 1))))
    length = min(drawn, longest)  # rounding may reach the end of the half-open range
    earliest = int(np.searchsorted(line, line[references - 1] + length))
    target = int(rng.integers(earliest, len(line)))
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
    frames = np.empty((len(positions), height, width, 3), np.uint8)
    for frame, position in zip(frames, positions, strict=True):
        image = clip.frames[position, top : top + tall, left : left + wide]
        if (tall, wide) != size:
            how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            image = cv2.resize(image, (width, height), interpolation=how)
        cv2.cvtColor(image, code, dst=frame)
    return frames


def draw_lost(form: Form, config: DataConfig, rng: np.random.Generator) -> np.ndarray:
    """Draw which patches are lost, bool (N,): all that a fault mask of a drawn pattern touches."""
    rows, columns = form.size[0] // form.patch, form.size[1] // form.patch
    names = list(config.faults)
    name = names[_draw(np.cumsum([config.faults[n] for n in names]), rng)]
    spec = fault_spec(name, rng.uniform(*config.ratio))
    mask = make_mask(spec, (rows * CELL, columns * CELL), rng)  # a cell stands for a patch
    return mask.reshape(rows, CELL, columns, CELL).any(axis=(1, 3)).ravel()


def _line(clip: CachedClip, gap: Gap) -> np.ndarray:
    """Give what a gap is measured along: the numbers of the frames, or their times in ns."""
    return clip.indices if gap.frames else clip.stamps


def _longest(line: np.ndarray, references: int) -> int:
    """Measure from the newest of the first references to the last frame; 0 for none."""
    return int(line[-1] - line[references - 1]) if len(line) > references else 0


def _mirrored(clip: CachedClip, positions: list[int]) -> list[int]:
    """Turn references before a target into references after one, as far as the clip goes.

    The newest reference and the target change places; an older reference moves on behind.
    """
    *references, target = positions
    last = target + len(references) - 1
    if last >= len(clip.indices):
        return positions
    return [*range(target, last + 1), references[0]]


def _rolled_out(positions: list[int], form: Form) -> list[int] | None:
    """Put frames between the references and the target, the first next to it; None without room."""
    newest, target = positions[0], positions[-1]
    ahead = 1 if target > newest else -1
    way, count = target - ahead - newest, form.rollout
    between = [newest + round(way * k / count) for k in range(count, 0, -1)]
    if abs(way) < count:
        return None
    return [*between, *positions[: form.references], target]


def _seconds(clip: CachedClip, positions: list[int]) -> np.ndarray:
    stamps = clip.stamps[positions]
    return (np.abs(stamps[-1] - stamps[:-1]) / NANO).astype(np.float32)


def _draw(cumulated: np.ndarray, rng: np.random.Generator) -> int:
    return int(np.searchsorted(cumulated, rng.random() * cumulated[-1], side='right'))


def _factor(name: str, factors: dict[str, float]) -> float:
    return math.prod(f for pattern, f in factors.items() if fnmatchcase(name, pattern))
