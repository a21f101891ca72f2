# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The learned baselines as the training loop sees them: same samples, their own losses."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from siammcvae_core.baselines.baseline import LearnedBaseline
from siammcvae_core.baselines.catalogue import build_baseline, load_baseline
from siammcvae_core.errors import WeightsError
from siammcvae_core.model.checkpoint import save_checkpoint
from siammcvae_core.model.patches import grid_of, merge, patchify, unpatchify
from siammcvae_core.model.pixels import denormalise, normalise
from siammcvae_core.train.system import Batch, BatchEvaluation, TrainingSystem


class BaselineSystem(TrainingSystem):
    """A baseline learns from as many references as it uses."""

    def __init__(self, network: LearnedBaseline) -> None:
        super().__init__()
        self.network = network
        self.size = network.profile.size
        self.patch = network.profile.patch
        # The samples have one in any case: validation compares with copying it.
        self.references = max(1, network.references)

    def forward(self, batch: Batch, annealing: float) -> dict[str, Tensor]:
        """Compute the loss of the lost patches; there is no KL term."""
        return self.network.loss(*self._frames(batch), batch.lost)

    def evaluate(self, batch: Batch) -> BatchEvaluation:
        """Restore; a profile that cannot (norm_pix) leaves lost patches black."""
        references, target = self._frames(batch)
        losses = self.network.loss(references, target, batch.lost)
        if self.network.profile.norm_pix:
            restored = torch.zeros_like(batch.target)
        else:
            restored = denormalise(self.network.restore(references, target, batch.lost))
        truth, patches = (patchify(frames, self.patch) for frames in (batch.target, restored))
        grid = grid_of(batch.target, self.patch)
        return BatchEvaluation(losses, unpatchify(merge(truth, patches, batch.lost), grid))

    def save(self, path: Path) -> None:
        """Write the network with its profile."""
        save_checkpoint(path, self.network)

    def load(self, path: Path) -> None:
        """Load the tensors of a weights file."""
        profile = self.network.profile
        loaded = load_baseline(path, profile.system)
        if loaded.profile != profile:
            raise WeightsError(f'{path}: is of {loaded.profile}, expected {profile}')
        self.network.load_state_dict(loaded.state_dict())

    def _frames(self, batch: Batch) -> tuple[Tensor, Tensor]:
        references = batch.references[:, : self.network.references]
        return normalise(references), normalise(batch.target)


def build(system: str, profile: str, changes: Mapping[str, Any]) -> BaselineSystem:
    """Build a new baseline of a named profile; see `TrainingSystem`."""
    return BaselineSystem(build_baseline(system, profile, changes))
