# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The drive model as the training loop sees it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from siammcvae_core.alignment.program.composite import blend
from siammcvae_core.alignment.program.images import interpolate
from siammcvae_core.errors import WeightsError
from siammcvae_core.model.checkpoint import load_model, save_checkpoint
from siammcvae_core.model.drive import DriveMCVAE, PredictionTensors
from siammcvae_core.model.pixels import normalise
from siammcvae_core.model.profiles import choose, DRIVE_PROFILES, DriveProfile
from siammcvae_core.train.drive_features import DriveFeatures, extract_batch
from siammcvae_core.train.drive_losses import drive_losses, OPTIONAL_LOSSES
from siammcvae_core.train.system import Batch, BatchEvaluation, lost_pixels, TrainingSystem

TRAINING_CHOICES = ('size', 'beta', *OPTIONAL_LOSSES)
"""Fields of the profile in which a run may differ from the weights it starts from."""


class DriveSystem(TrainingSystem):
    """The network learns from two references; in roll-outs the newest it restored itself."""

    references = 2
    rollout = 2

    def __init__(self, network: DriveMCVAE) -> None:
        super().__init__()
        self.network = network
        self.size = network.profile.size
        self.patch = network.profile.patch

    def forward(self, batch: Batch, annealing: float) -> dict[str, Tensor]:
        """Restore and compare; see `drive_losses`."""
        return self._run(batch, annealing)[0]

    def evaluate(self, batch: Batch) -> BatchEvaluation:
        """Restore with the mean of the latent."""
        losses, restored, prediction = self._run(batch, 1.0)
        pixels = restored.clamp(0, 255).round().byte()
        lost = lost_pixels(batch.lost, batch.target.shape[-2:], self.patch)
        return BatchEvaluation(
            losses, torch.where(lost, pixels, batch.target), prediction.mean, prediction.log_var
        )

    def save(self, path: Path) -> None:
        """Write the network with its profile."""
        save_checkpoint(path, self.network)

    def load(self, path: Path) -> None:
        """Load the tensors of a weights file, trained on crops of any size, for any losses."""
        loaded = load_model(path, DriveMCVAE, DriveProfile)
        own = self.network.profile
        choices = {name: getattr(own, name) for name in TRAINING_CHOICES}
        if replace(loaded.profile, **choices) != own:
            raise WeightsError(f'{path}: is of {loaded.profile}, expected {own}')
        self.network.load_state_dict(loaded.state_dict())

    def _run(
        self, batch: Batch, annealing: float
    ) -> tuple[dict[str, Tensor], Tensor, PredictionTensors]:
        batch = self._restore_references(batch)
        features, prediction, restored = self._restore(batch)
        losses = drive_losses(
            batch, features, prediction, restored, self.network.profile, annealing
        )
        return losses, restored, prediction

    def _restore(self, batch: Batch) -> tuple[DriveFeatures, PredictionTensors, Tensor]:
        """Restore targets, float (B, 3, H, W), from the first two references."""
        newest = batch.references[:, 0]
        lost = lost_pixels(batch.lost, batch.target.shape[-2:], self.patch)
        features = extract_batch(batch, lost, self.network.profile.cell)
        prediction = self.network(
            normalise(newest),
            normalise(batch.target),
            features.channels,
            features.source,
            batch.lost,
        )
        size = newest.shape[-2], newest.shape[-1]
        displacement = features.displacement + interpolate(prediction.correction, size)
        bgr = newest.float().flip(1)  # as everywhere in core
        return features, prediction, blend(bgr, displacement, prediction).flip(1)

    @torch.no_grad()
    def _restore_references(self, batch: Batch) -> Batch:
        """Restore damaged references, oldest first, as `Restorer` does while damage lasts.

        Each is restored from the one restored before it and the last intact one, which in the end
        are the references of the target.
        """
        rows = batch.damaged[:, 0].any(1).nonzero()[:, 0]
        count = batch.references.shape[1] - self.references
        if not (count and len(rows)):
            return batch
        frames, seconds = batch.references[rows], batch.seconds[rows]
        pair = [(frames[:, k], seconds[:, k]) for k in (count, count + 1)]
        training = self.network.training
        self.network.eval()
        for number in reversed(range(count)):
            lost, moment = batch.damaged[rows, number], seconds[:, number]
            ages = torch.stack([stamp - moment for _, stamp in pair], 1)
            images = torch.stack([image for image, _ in pair], 1)
            damaged = Batch(images, frames[:, number], lost, ages, batch.damaged[rows])
            restored = self._restore(damaged)[2].clamp(0, 255).round().byte()
            pixels = lost_pixels(lost, restored.shape[-2:], self.patch)
            newest = torch.where(pixels, restored, frames[:, number])
            pair = [(newest, moment), (frames[:, count], seconds[:, count])]
        self.network.train(training)
        torch.clear_autocast_cache()  # of weights cast here, which have no gradient
        references, times = batch.references.clone(), batch.seconds.clone()
        for number, (image, stamp) in enumerate(pair):
            references[rows, number], times[rows, number] = image, stamp
        return batch._replace(references=references, seconds=times)


def build(profile: str, changes: Mapping[str, Any]) -> DriveSystem:
    """Build a new network of a named profile; see `TrainingSystem`."""
    return DriveSystem(DriveMCVAE(choose(DRIVE_PROFILES, profile, changes)))
