# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""AdamW with the settings of MAE, and the schedules of the learning rate and the KL weight."""

import math

from torch import nn
from torch.optim import AdamW

from siammcvae_core.train.config import TrainConfig

BETAS = (0.9, 0.95)


def build_optimiser(module: nn.Module, config: TrainConfig) -> AdamW:
    """Build AdamW; only parameters of two and more dimensions decay."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {'params': [p for p in parameters if p.ndim > 1], 'weight_decay': config.weight_decay},
        {'params': [p for p in parameters if p.ndim < 2], 'weight_decay': 0.0},
    ]
    return AdamW(groups, config.lr, BETAS)


def learning_rate(step: int, config: TrainConfig) -> float:
    """Compute the learning rate of step t = 0, 1, …, of T steps of which W are warm-up.

    t < W:   lr (t + 1) / (W + 1)
    t >= W:  lr (m + (1 - m) (1 + cos(π (t - W) / (T - W))) / 2),    m = min_lr
    """
    warmup = config.warmup * config.steps
    if step < warmup:
        return config.lr * (step + 1) / (warmup + 1)
    share = (step - warmup) / max(1, config.steps - warmup)
    return config.lr * (config.min_lr + (1 - config.min_lr) * (1 + math.cos(math.pi * share)) / 2)


def annealing(step: int, config: TrainConfig) -> float:
    """Compute the share of the KL weight β at step t = 0, 1, … of T (KL annealing).

    annealing(t) = min(1, t / (beta_warmup T))
    """
    return min(1.0, step / max(1.0, config.beta_warmup * config.steps))
