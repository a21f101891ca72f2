# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The interface between the training loop and a network with its loss."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple

from torch import nn, Tensor


class Batch(NamedTuple):
    """A batch of samples; frames are RGB grey levels, uint8.

    `references` (B, R, 3, H, W), newest first; `target` (B, 3, H, W); `lost` bool (B, N), True
    where a patch of the target is lost, row by row; `seconds` float32 (B, R) from each reference
    to the target; `damaged` bool (B, R, N) the lost patches of references, which are to be restored
    before the target. The last references of a sample are intact.
    """

    references: Tensor
    target: Tensor
    lost: Tensor
    seconds: Tensor
    damaged: Tensor


class BatchEvaluation(NamedTuple):
    """What validation needs of a batch: losses without noise, restored frames, the posterior.

    `losses` are scalars as of `TrainingSystem.forward`; `restored` uint8 (B, 3, H, W) RGB, the
    pixels of the target where none was lost; `mean` and `log_var` (B, T, D) of the latent, None for
    a system without one.
    """

    losses: dict[str, Tensor]
    restored: Tensor
    mean: Tensor | None = None
    log_var: Tensor | None = None


class TrainingSystem(nn.Module, ABC):
    """A network with its loss.

    `size` (height, width) and `patch` in pixels are those of its samples; `references` is their
    number of intact references, `rollout` that of damaged ones between these and the target in a
    roll-out. All parameters of the module are trained.
    """

    size: tuple[int, int]
    patch: int
    references: int = 1
    rollout: int = 0

    @abstractmethod
    def forward(self, batch: Batch, annealing: float) -> dict[str, Tensor]:
        """Compute the scalars of a batch: 'loss' is minimised, the others are logged beside it.

        `annealing` rises from 0 to 1 over the first steps and scales the weight of the KL term.
        """

    @abstractmethod
    def evaluate(self, batch: Batch) -> BatchEvaluation:
        """Evaluate a batch without noise, with the full weight of the KL term."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write the network as a weights file, whole or not at all; raises `WeightsError`."""

    @abstractmethod
    def load(self, path: Path) -> None:
        """Load a weights file of the same profile; raises `WeightsError` for any other."""


def lost_pixels(lost: Tensor, size: tuple[int, ...], patch: int) -> Tensor:
    """Bring lost patches (B, N) to the pixels of frames of `size` (H, W): bool (B, 1, H, W)."""
    planes = lost.view(-1, 1, size[0] // patch, size[1] // patch)
    return planes.repeat_interleave(patch, 2).repeat_interleave(patch, 3)
