# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The plan of an evaluation: methods, masks, gaps, sizes, seeds; and the presets of the paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from siammcvae_core.baselines.classical import BASELINES
from siammcvae_core.commands.values import parse_list
from siammcvae_core.data.pairs import Gap
from siammcvae_core.errors import InputError
from siammcvae_core.evaluate.paper import PublishedRow, TABLES
from siammcvae_core.faults.masks import parse_fault, WHOLE

CLASSICAL = tuple(BASELINES)
LEARNED = ('paper', 'drive', 'mae', 'mae_st', 'videomae', 'siammae', 'ode2_facvae')
SIMPLE_BASELINES = ('copy', 'const_velocity', 'visible_flow')
PAPER_SIZE = (224, 224)
PAPER_SAMPLES = 4  # small frames are scored quickly


@dataclass(frozen=True)
class EvaluationPlan:
    """What is scored: every method on every mask and gap, the same frames for all.

    `masks` are specs such as 'random:0.75'; `size` is (height, width) in pixels; every seed draws
    its own frames, `samples` of each clip, and masks. `pictures` are clips shown per cell. A
    `detector`, an ONNX file, looks for objects in the restored frames.
    """

    methods: tuple[str, ...] = CLASSICAL
    masks: tuple[str, ...] = ('random:0.75', 'band:0.25', 'full')
    gaps: tuple[Gap, ...] = (Gap(1), Gap(4))
    size: tuple[int, int] = (368, 640)
    seeds: tuple[int, ...] = (0, 1, 2)
    samples: int = 2
    pictures: int = 3
    detector: Path | None = None

    def __post_init__(self) -> None:
        for name in ('methods', 'masks', 'gaps', 'seeds'):
            values = getattr(self, name)
            if not values:
                raise InputError(f'--{name} is empty')
            twice = [str(value) for i, value in enumerate(values) if value in values[:i]]
            if twice:
                raise InputError(f'--{name} has {twice[0]} twice')
        if min(self.seeds) < 0:
            raise InputError(f'--seeds must be 0 or more, got {min(self.seeds)}')
        if self.samples < 1:
            raise InputError(f'--samples must be 1 or more, got {self.samples}')
        if min(self.size) < 32 or max(self.size) > 8192:
            width, height = self.size[::-1]
            raise InputError(f'--size must be 32 to 8192 pixels a side, got {width}x{height}')


@dataclass(frozen=True)
class Preset:
    """A table or figure of the paper: its plan, and the numbers the paper prints, if any."""

    title: str
    plan: EvaluationPlan
    printed: tuple[PublishedRow, ...] = ()


def _table(number: int, what: str, baselines: Sequence[str]) -> Preset:
    printed = TABLES[number]
    methods = tuple(dict.fromkeys((*baselines, *(row.method for row in printed))))
    plan = EvaluationPlan(
        methods, ('random:0.75',), (Gap(1), Gap(4)), PAPER_SIZE, samples=PAPER_SAMPLES
    )
    return Preset(f'Table {number}: {what}', plan, printed)


_SYSTEMS = (*SIMPLE_BASELINES, 'mae', 'mae_st', 'videomae', 'siammae', 'paper', 'drive')

PRESETS: dict[str, Preset] = {
    'table 1': _table(1, 'systems at 75 % random masks', _SYSTEMS),
    'table 2': _table(2, 'attention kernels', ('copy',)),
    'table 3': _table(3, 'with and without reparameterisation', ('copy',)),
    'table 4': _table(4, 'the weight β of the KL term', ('copy',)),
    'figure 2': Preset(
        'Figure 2: systems over the mask ratio',
        EvaluationPlan(
            _SYSTEMS, tuple(f'random:{ratio}' for ratio in ('0.45', '0.6', '0.75', '0.9')),
            (Gap(1), Gap(4)), PAPER_SIZE, samples=PAPER_SAMPLES,
        ),
    ),
    'figure 3': Preset(
        'Figure 3: systems over the frame gap',
        EvaluationPlan(
            _SYSTEMS, ('random:0.75',), tuple(map(Gap, (1, 2, 4, 8, 16))), PAPER_SIZE,
            samples=PAPER_SAMPLES,
        ),
    ),
    'figure 4': Preset(
        'Figure 4: systems at 90 % random masks',
        EvaluationPlan(
            _SYSTEMS, ('random:0.9',), (Gap(1), Gap(4)), PAPER_SIZE, samples=PAPER_SAMPLES,
            pictures=8,
        ),
    ),
}  # fmt: skip


def parse_masks(text: str) -> tuple[str, ...]:
    """Read 'random:0.75,full' in its shortest spelling; InputError for what is no mask."""
    masks = [parse_fault(spec) for spec in parse_list(text, '--masks')]
    return tuple(spec_of(name, ratio) for name, ratio in masks)


def spec_of(name: str, ratio: float) -> str:
    """Spell a mask: its name, and its ratio unless it always loses the whole frame."""
    return name if name in WHOLE else f'{name}:{ratio:g}'
