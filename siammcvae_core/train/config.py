# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The configuration of a training run: the keys of `config/train/*.yaml`; free of torch."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from siammcvae_core.data.pairs import Gap
from siammcvae_core.errors import InputError
from siammcvae_core.faults.masks import PATTERNS, WHOLE
from siammcvae_core.files import cache_folder, expand_user

PRECISIONS = ('no', 'bf16')

MAY_CHANGE = ('out', 'accumulate', 'device', 'workers', 'log_every', 'save_every', 'restart')
"""Keys that a resumed run may change: they do not change what is learned."""


@dataclass(frozen=True)
class DataConfig:
    """Where samples come from and how they are made.

    Args:
        train: folder of clips, or several: videos, bags, image sequences, BDD100K; a .txt file that
            lists clips; 'sim:1' or 'sim:night:1' for the rendered drive of seed 1.
        val: the same for validation; empty: the last tenth of the training clips.
        topic: image topic of bags that have several.
        cache: folder for decoded frames; empty: ~/.cache/siammcvae_ros/frames.
        cache_gb: most gigabytes that decoded frames may fill.
        side: short side of cached frames in pixels; larger frames are scaled down to it.
        gap: least and most from reference to target, drawn log-uniformly: in frames, [1, 30], or
            in seconds, [0.1s, 3s].
        zoom: least and greatest share of the largest possible crop's sides, in (0, 1]; validation
            takes the greatest.
        flip: share of the samples that are mirrored.
        reverse: share of the samples that run backwards in time.
        faults: how often each mask pattern is drawn, in proportion to its number.
        ratio: least and greatest lost share of a frame.
        rollouts: share of the samples whose newest references are damaged too and have to be
            restored first, as while a fault lasts; only for systems that can (drive). For
            ode2_facvae the share of windows with frames spread up to the target.
        night: share of the samples that are darkened as if taken by night.
        clip_weights: factor on how often clips are drawn, by name, such as {'*_gray*': 0.25}; clips
            of factor 0 are left out, also of those held out for validation.
    """

    train: str | list[str] = ''
    val: str | list[str] = ''
    topic: str = ''
    cache: str = ''
    cache_gb: float = 8.0
    side: int = 256
    gap: tuple[int | str, int | str] = (1, 30)
    zoom: tuple[float, float] = (0.7, 1.0)
    flip: float = 0.5
    reverse: float = 0.25
    faults: dict[str, float] = field(
        default_factory=lambda: {
            'random': 0.5, 'band': 0.15, 'block': 0.15, 'slices': 0.15, 'full': 0.05,
        }
    )  # fmt: skip
    ratio: tuple[float, float] = (0.25, 0.95)
    rollouts: float = 0.0
    night: float = 0.0
    clip_weights: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        low, high = self.gaps
        in_order = bool(low.frames) == bool(high.frames) and low.length <= high.length
        expected = 'least and most, both in frames or both in seconds'
        _require(in_order, 'data.gap', expected, self.gap)
        least, most = self.ratio
        _require(0 < least <= most <= 1, 'data.ratio', 'two shares in (0, 1]', self.ratio)
        for key in ('flip', 'reverse', 'rollouts', 'night'):
            value = getattr(self, key)
            _require(0 <= value <= 1, f'data.{key}', 'a share in [0, 1]', value)
        least, most = self.zoom
        _require(0 < least <= most <= 1, 'data.zoom', 'two shares in (0, 1]', self.zoom)
        _require(self.cache_gb > 0, 'data.cache_gb', 'a number above 0', self.cache_gb)
        _require(self.side > 0, 'data.side', 'pixels above 0', self.side)
        weights = list(self.faults.values())
        valid = set(self.faults) <= set(PATTERNS) and min(weights, default=-1) >= 0 < sum(weights)
        _require(valid, 'data.faults', f'weights of {", ".join(PATTERNS)}', self.faults)
        factors = self.clip_weights.values()
        _require(min(factors, default=0) >= 0, 'data.clip_weights', 'factors from 0 up', factors)

    @property
    def gaps(self) -> tuple[Gap, Gap]:
        """The least and the most of `gap`."""
        return Gap.parse(self.gap[0]), Gap.parse(self.gap[1])

    @property
    def cache_folder(self) -> Path:
        """Where decoded frames go."""
        return expand_user(self.cache) if self.cache else cache_folder() / 'frames'


@dataclass(frozen=True)
class TrainConfig:
    """A training run.

    Args:
        out: folder of the run; run the same command again to resume what was interrupted.
        data: where samples come from.
        system: what is trained, a name of `train/catalogue.py`.
        profile: its named size.
        profile_changes: fields of the profile to set otherwise, such as {'size': [128, 224]}.
        weights: weights file to start from; empty: from scratch.
        steps: optimiser steps in all.
        batch: samples per step, over all processes and accumulated micro-batches.
        accumulate: micro-batches per process and step.
        lr: highest learning rate.
        min_lr: share of it that is left at the end of the cosine.
        warmup: share of the steps over which it rises from 0.
        weight_decay: of matrices; biases, norms and tokens have none.
        clip: largest norm of the gradients; larger ones are scaled down to it.
        ema: decay per step of the averaged weights, which are validated and saved; 0: no average.
        beta_warmup: share of the steps over which the KL weight rises from 0.
        precision: no (float32) or bf16 (mixed).
        device: auto (the GPU, where there is one) or cpu.
        seed: of weights, samples, masks and noise.
        workers: loader processes per training process; 0: load in the training process.
        validate_every: steps between validations.
        val_samples: validation samples, the same ones every time.
        save_every: steps between saved states.
        log_every: steps between logged losses.
        pictures: validation samples shown as pictures.
        restart: begin anew, even if `out` holds a run to resume.
    """

    out: str = 'out/train'
    data: DataConfig = field(default_factory=DataConfig)
    system: str = 'siammcvae'
    profile: str = 'tiny'
    profile_changes: dict[str, bool | int | float | str | list[int]] = field(default_factory=dict)
    weights: str = ''
    steps: int = 1000
    batch: int = 16
    accumulate: int = 1
    lr: float = 5e-4
    min_lr: float = 0.01
    warmup: float = 0.05
    weight_decay: float = 0.05
    clip: float = 1.0
    ema: float = 0.999
    beta_warmup: float = 0.15
    precision: str = 'no'
    device: str = 'auto'
    seed: int = 0
    workers: int = 2
    validate_every: int = 200
    val_samples: int = 128
    save_every: int = 200
    log_every: int = 20
    pictures: int = 4
    restart: bool = False

    def __post_init__(self) -> None:
        counts = 'steps batch accumulate validate_every val_samples save_every log_every'
        for key in counts.split():
            _require(getattr(self, key) > 0, key, 'a number above 0', getattr(self, key))
        for key in ('workers', 'pictures', 'seed', 'weight_decay', 'lr'):
            _require(getattr(self, key) >= 0, key, 'a number from 0 up', getattr(self, key))
        for key in ('min_lr', 'warmup', 'beta_warmup'):
            value = getattr(self, key)
            _require(0 <= value <= 1, key, 'a share in [0, 1]', value)
        _require(0 <= self.ema < 1, 'ema', 'a decay in [0, 1)', self.ema)
        _require(self.clip > 0, 'clip', 'a norm above 0', self.clip)
        _require(self.precision in PRECISIONS, 'precision', ' or '.join(PRECISIONS), self.precision)
        _require(self.device in ('auto', 'cpu'), 'device', 'auto or cpu', self.device)
        _require(bool(self.data.train), 'data.train', 'a folder of clips, data.train=DIR', '')

    def micro_batch(self, processes: int) -> int:
        """Count samples per process and micro-batch; raises InputError where they do not divide."""
        parts = processes * self.accumulate
        if self.batch % parts:
            raise InputError(
                f'batch: {self.batch} samples cannot be shared by {processes} processes with '
                f'{self.accumulate} micro-batches each; choose a multiple of {parts}'
            )
        return self.batch // parts

    def learned_from(self) -> dict[str, Any]:
        """Return the keys that change what is learned, flat, for comparing runs."""
        flat = {key: value for key, value in asdict(self).items() if key not in MAY_CHANGE}
        data = flat.pop('data')
        flat.update({f'data.{k}': v for k, v in data.items() if k not in ('cache', 'cache_gb')})
        return flat


def fault_spec(name: str, ratio: float) -> str:
    """Write a pattern and a ratio as `make_mask` reads them."""
    return name if name in WHOLE else f'{name}:{ratio}'


def _require(holds: bool, key: str, expected: str, value: object) -> None:
    if not holds:
        raise InputError(f'{key}: expected {expected}, got {value!r}')
