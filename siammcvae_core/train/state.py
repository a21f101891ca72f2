# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The state of a run in one safetensors file, from which it resumes as if never interrupted.

Tensors are the weights, their average and the optimiser's moments; the rest is JSON in the
metadata. Samples and noise are functions of the step, so that they have no state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

from safetensors import safe_open, SafetensorError
from safetensors.torch import save_file
import torch
from torch import nn, Tensor
from torch.optim import AdamW

from siammcvae_core.errors import InputError, WeightsError
from siammcvae_core.files import parse_json, replaced
from siammcvae_core.train.config import TrainConfig
from siammcvae_core.train.ema import WeightAverage

KEY = 'siammcvae_training'
MOMENTS = ('exp_avg', 'exp_avg_sq')


@dataclass
class Progress:
    """Progress of a run: `step` steps are done; `best` is its lowest validation loss so far."""

    step: int = 0
    best: float = float('inf')


class TrainingState:
    """Everything that training changes, to be saved and restored together."""

    def __init__(self, system: nn.Module, average: WeightAverage, optimiser: AdamW) -> None:
        self.progress = Progress()
        self._system = system
        self._average = average
        self._optimiser = optimiser

    def save(self, path: Path, config: TrainConfig) -> None:
        """Write the state, whole or not at all.

        Raises InputError where it cannot be written, or for weights that are not finite; the last
        state then stays.
        """
        tensors = {name: t.detach().contiguous() for name, t in self._tensors().items()}
        broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
        if broken:
            raise InputError(
                f'{path}: not saved, {broken[0]} is not finite after step {self.progress.step}; '
                'try a lower lr'
            )
        description = {
            'step': self.progress.step,
            'best': self.progress.best,
            'config': config.learned_from(),
        }
        save_tensors(path, tensors, {KEY: json.dumps(description)})

    def restore(self, path: Path, config: TrainConfig) -> None:
        """Load a saved state.

        Raises WeightsError for a file that is damaged or none of a run, and InputError that names
        what differs for one of a run with another configuration.
        """
        description, tensors = _read(path)
        _compare(path, description['config'], config.learned_from())
        progress = Progress(description['step'], description['best'])
        for parameter in self._parameters():
            self._optimiser.state[parameter] = {
                'step': torch.tensor(float(progress.step)),
                **{moment: torch.zeros_like(parameter) for moment in MOMENTS},
            }
        own = self._tensors()
        if own.keys() != tensors.keys():
            odd = sorted(own.keys() ^ tensors.keys())[0]
            raise WeightsError(f'{path}: tensor {odd} is in the file or the run, but not in both')
        for name, tensor in own.items():
            if tensor.shape != tensors[name].shape:
                shapes = f'{tuple(tensors[name].shape)}, expected {tuple(tensor.shape)}'
                raise WeightsError(f'{path}: tensor {name} has shape {shapes}')
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(tensors[name])
        self.progress = progress

    def _parameters(self) -> list[nn.Parameter]:
        return [p for p in self._system.parameters() if p.requires_grad]

    def _tensors(self) -> dict[str, Tensor]:
        named = {f'weights.{name}': t for name, t in self._system.state_dict().items()}
        averaged = self._average.system.state_dict()
        named.update({f'average.{name}': t for name, t in averaged.items()})
        for name, parameter in self._system.named_parameters():
            for moment in MOMENTS:
                if parameter in self._optimiser.state:
                    named[f'{moment}.{name}'] = self._optimiser.state[parameter][moment]
        return named


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file that appears whole or not at all; raises InputError if it cannot."""
    try:
        with replaced(path) as draft:
            save_file(tensors, draft, metadata)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, 'strerror', None) or error
        raise InputError(f'{path} cannot be written: {reason}; the last one is intact') from error


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(path, framework='pt') as file:
            metadata = file.metadata() or {}
            description = parse_json(metadata[KEY])
            _check(description)
            names = file.keys()
            return description, {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f'{path}: not a readable training state: {error}') from error


def _check(description: Any) -> None:
    """Raise an error that `_read` explains for what `TrainingState.save` does not write."""
    step, best = description['step'], description['best']
    if type(step) is not int or step < 0 or not isinstance(best, float | int):
        raise ValueError(f'step {step!r}, best {best!r}')
    if not isinstance(description['config'], dict):
        raise ValueError('no configuration')


def _compare(path: Path, saved: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    expected = json.loads(json.dumps(expected))  # tuples become lists, as they did in the file
    different = [key for key in expected if saved.get(key) != expected[key]]
    if different:
        changes = ', '.join(
            f'{key} = {saved.get(key)!r} (now {expected[key]!r})' for key in different
        )
        raise InputError(
            f'{path} is of a run with {changes}; choose another out=DIR, or restart=true to '
            'begin anew there'
        )
