# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SiamMCVAE as the training loop sees it.

    loss = reconstruction + β_t KL,    β_t = annealing(t) β

The negative evidence lower bound of eq. 18-20, with KL annealing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from siammcvae_core.errors import WeightsError
from siammcvae_core.model.checkpoint import load_checkpoint, save_checkpoint
from siammcvae_core.model.losses import Loss, siammcvae_loss
from siammcvae_core.model.patches import patchify, unpatchify
from siammcvae_core.model.pixels import denormalise, normalise
from siammcvae_core.model.profiles import get_profile
from siammcvae_core.model.siammcvae import RestorationTensors, SiamMCVAE
from siammcvae_core.train.system import Batch, BatchEvaluation, TrainingSystem


class SiamMCVAESystem(TrainingSystem):
    """The network learns from the newest reference."""

    def __init__(self, network: SiamMCVAE) -> None:
        super().__init__()
        self.network = network
        self.size = network.profile.size
        self.patch = network.profile.patch

    def forward(self, batch: Batch, annealing: float) -> dict[str, Tensor]:
        """Restore and compare; `reconstruction` and `kl` are the parts of the loss."""
        return _scalars(self._restore(batch, annealing)[1])

    def evaluate(self, batch: Batch) -> BatchEvaluation:
        """Restore with the mean of the latent."""
        restored, loss = self._restore(batch, annealing=1)
        visible = ~batch.lost[..., None]
        pixels = patchify(denormalise(restored.frame), self.patch)  # (B, N, P*P*3)
        pixels = patchify(batch.target, self.patch).where(visible, pixels)
        frames = unpatchify(pixels, restored.grid)
        return BatchEvaluation(_scalars(loss), frames, restored.mean, restored.log_var)

    def save(self, path: Path) -> None:
        """Write the network with its profile."""
        save_checkpoint(path, self.network)

    def load(self, path: Path) -> None:
        """Load the tensors of a weights file."""
        loaded = load_checkpoint(path, self.network.profile.name)
        if loaded.profile != self.network.profile:
            expected = self.network.profile
            raise WeightsError(f'{path}: is of {loaded.profile}, expected {expected}')
        self.network.load_state_dict(loaded.state_dict())

    def _restore(self, batch: Batch, annealing: float) -> tuple[RestorationTensors, Loss]:
        target = normalise(batch.target)
        restored = self.network(normalise(batch.references[:, 0]), target, batch.lost)
        profile = self.network.profile
        true_patches = patchify(target, self.patch)
        loss = siammcvae_loss(restored, true_patches, batch.lost, profile, annealing * profile.beta)
        return restored, loss


def build(profile: str, changes: Mapping[str, Any]) -> SiamMCVAESystem:
    """Build a new network of a named profile; see `TrainingSystem`."""
    return SiamMCVAESystem(SiamMCVAE(get_profile(profile, **changes)))


def _scalars(loss: Loss) -> dict[str, Tensor]:
    return {'loss': loss.total, 'reconstruction': loss.reconstruction, 'kl': loss.kl}
