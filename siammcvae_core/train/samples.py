# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sample number i of a run: the same clip, frames, crop and mask in whatever order they are asked.

Nothing is drawn from a running state, so a resumed run, any number of processes and any number of
loader workers all see the same samples.
"""

from collections.abc import Sequence
import sys
from typing import NamedTuple

import numpy as np
from torch.utils.data import Dataset

from siammcvae_core.data.cache import CachedClip, FrameCache
from siammcvae_core.data.layouts import Clip
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.train.clip_order import ClipOrder
from siammcvae_core.train.config import DataConfig
from siammcvae_core.train.drawing import (
    cut,
    draw_lost,
    draw_positions,
    has_pair,
    in_reverse,
    roll_out,
    SampleFormat,
    seconds_between,
)
from siammcvae_core.train.night import darken

TRIES = 100
"""Clips tried for one sample, when those drawn turn out to have no pair."""
STAYS = 0.5
"""Share of the roll-outs in which the damage is the same in every frame."""


class Sample(NamedTuple):
    """One pair: `frames` uint8 (R + 1, H, W, 3) RGB, references newest first, then the target.

    `lost` bool (N,) is True for lost patches, `seconds` float32 (R,) the times from reference to
    target, `damaged` bool (R, N) the lost patches of references that are not intact.
    """

    frames: np.ndarray
    lost: np.ndarray
    seconds: np.ndarray
    damaged: np.ndarray


class TrainingSamples(Dataset[Sample]):
    """An endless list of samples, augmented."""

    def __init__(
        self,
        clips: Sequence[Clip],
        cache: FrameCache,
        order: ClipOrder,
        sample_format: SampleFormat,
        config: DataConfig,
        seed: int,
    ) -> None:
        self._clips = clips
        self._cache = cache
        self._order = order
        self._format = sample_format
        self._config = config
        self._gaps = config.gaps
        self._seed = seed
        self._reported: set[str] = set()

    def __getitem__(self, index: int) -> Sample:
        """Return sample `index`; raises InputError where no clip drawn has a pair."""
        rng = np.random.default_rng((self._seed, 1, index))
        for tried in range(TRIES):
            clip = self._open(self._clips[self._order.draw(index, rng, ahead=tried)])
            if clip is not None and has_pair(clip, self._format.frames, self._gaps[0]):
                positions = draw_positions(clip, self._gaps, self._format.frames, rng)
                return self._augmented(clip, positions, rng)
        raise InputError(f'{TRIES} clips drawn and all are broken or shorter than the gap')

    def _open(self, clip: Clip) -> CachedClip | None:
        """Open a clip, or return None; prints once what is wrong with one not surveyed before."""
        cached, fault = None, ''
        try:
            cached = self._cache.open(clip)
            fault = cached.facts.broken and f'cut short: {clip.name}: {cached.facts.broken}'
        except SourceError as error:
            fault = f'skipped: {error}'
        if fault and self._order.moves and clip.name not in self._reported:
            self._reported.add(clip.name)
            print(fault, file=sys.stderr)
        return cached

    def _augmented(
        self, clip: CachedClip, positions: list[int], rng: np.random.Generator
    ) -> Sample:
        if rng.random() < self._config.reverse:
            positions = in_reverse(clip, positions)
        with_rollout = None
        if self._format.rollout and rng.random() < self._config.rollouts:
            with_rollout = roll_out(positions, self._format)
        positions = with_rollout or positions
        zoom, x, y = rng.uniform(*self._config.zoom), rng.random(), rng.random()
        frames = cut(clip, positions, self._format.size, zoom, (x, y))
        if rng.random() < self._config.flip:
            frames = frames[:, :, ::-1]
        lost = draw_lost(self._format, self._config, rng)
        damaged = np.zeros((self._format.frames, self._format.patches), bool)
        if with_rollout:
            stays = rng.random() < STAYS
            for number in range(self._format.rollout):
                damaged[number] = lost if stays else draw_lost(self._format, self._config, rng)
        if self._config.night and rng.random() < self._config.night:  # last: it shifts no draw
            frames = darken(frames, rng)
        return Sample(np.ascontiguousarray(frames), lost, seconds_between(clip, positions), damaged)


class ValidationSamples(Dataset[Sample]):
    """`count` samples, taken from every clip in turn, in the middle of the frame, not augmented.

    Every clip must be longer than the least gap.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        cache: FrameCache,
        sample_format: SampleFormat,
        config: DataConfig,
        count: int,
        seed: int,
    ) -> None:
        self._cache = cache
        self._format = sample_format
        self._config = config
        self._seed = seed
        self._count = count
        self._clips = clips

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        """Return sample `index`."""
        rng = np.random.default_rng((self._seed, 2, index))
        clip = self._cache.open(self._clips[index % len(self._clips)])
        positions = draw_positions(clip, self._config.gaps, self._format.frames, rng)
        frames = cut(clip, positions, self._format.size, self._config.zoom[1], (0.5, 0.5))
        lost = draw_lost(self._format, self._config, rng)
        intact = np.zeros((self._format.frames, self._format.patches), bool)
        return Sample(frames, lost, seconds_between(clip, positions), intact)
