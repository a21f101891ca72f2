# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An exponential moving average of the weights, which restores better than the weights."""

from copy import deepcopy

import torch
from torch import nn, Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from siammcvae_core.train.system import TrainingSystem


class WeightAverage:
    """An exponential moving average of a system's weights θ, as a `system` of its own.

        average <- δ average + (1 - δ) θ,    δ = min(decay, (1 + t) / (10 + t))

    after step t. The decay δ starts low, so that the random weights at first soon count little.
    """

    def __init__(self, system: TrainingSystem, decay: float) -> None:
        self.system = deepcopy(system).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, system: nn.Module, step: int) -> None:
        """Update the average with the weights after step 0, 1, …."""
        decay = min(self._decay, (1 + step) / (10 + step))
        get_ema_multi_avg_fn(decay)(tensors(self.system), tensors(system), step)


def tensors(module: nn.Module) -> list[Tensor]:
    """List the weights of a module, parameters and buffers, in order."""
    return [*module.parameters(), *module.buffers()]
