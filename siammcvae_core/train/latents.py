# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether the latent carries information: KL from the prior per dimension, and active units.

    KL_d = mean (μ_d² + σ_d² - log σ_d² - 1) / 2,    unit d is active if Var(μ_d) > ACTIVE

A collapsed latent has a KL near 0 in all dimensions; the network then ignores the visible patches
of the damaged frame, since Z is their only way into the decoder.
"""

from accelerate import Accelerator
import torch
from torch import Tensor

ACTIVE = 0.01
"""Least variance of the posterior mean over the data that makes a unit active (Burda 2016)."""


class LatentStatistics:
    """Sums over samples, per token and dimension of a posterior mean and log σ² (B, T, D)."""

    def __init__(self) -> None:
        self._sums: Tensor | None = None  # (4, T, D): count, mean, mean², KL

    def add(self, mean: Tensor, log_var: Tensor) -> None:
        """Add a batch."""
        mean, log_var = mean.float(), log_var.float()
        kl = 0.5 * (mean.square() + log_var.exp() - log_var - 1)
        batch = torch.stack([torch.ones_like(mean), mean, mean.square(), kl]).sum(1)
        self._sums = batch if self._sums is None else self._sums + batch

    def summarise(self, accelerator: Accelerator) -> tuple[Tensor, float] | None:
        """Sum over all processes: KL per dimension (D,) in nats and the share of active units.

        None where no posterior was added. All processes must have added one, or none.
        """
        if self._sums is None:
            return None
        count, mean, square, kl = accelerator.reduce(self._sums, 'sum')
        variance = (square / count - (mean / count).square()).mean(0)  # (D,)
        return (kl / count).mean(0), float((variance > ACTIVE).float().mean())
