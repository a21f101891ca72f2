# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The interface of all learned baselines: the training loss, restored frames, features of a frame.

Frames are float (B, 3, H, W), RGB in the scale of `model.pixels`, H and W multiples of the patch;
`references` (B, R, 3, H, W), newest first, with R the `references` of the baseline. `lost` is bool
(B, N), True where a patch of the damaged frame is lost: what lost patches hold has no influence.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import nn, Tensor

from siammcvae_core.baselines.parts import MaskedEncoder
from siammcvae_core.baselines.profile import BaselineProfile
from siammcvae_core.errors import InputError
from siammcvae_core.model.losses import reconstruction_loss
from siammcvae_core.model.patches import check_lost, Grid, grid_of, merge, patchify, unpatchify
from siammcvae_core.model.pixels import CHANNELS
from siammcvae_core.model.vit import positions


class LearnedBaseline(nn.Module, ABC):
    """A masked autoencoder of a profile; `references` is the number of reference frames it uses.

    `kernel` chooses how attention is computed, see `vit.attend`.
    """

    frames_per_token: ClassVar[int] = 1
    profile: BaselineProfile
    references: int

    def __init__(self, profile: BaselineProfile, kernel: str = 'adaptive') -> None:
        super().__init__()
        self.profile = profile
        self.pixels_per_token = self.frames_per_token * profile.patch**2 * CHANNELS
        self.encoder = MaskedEncoder(profile, self.pixels_per_token, kernel)

    @abstractmethod
    def predict(self, references: Tensor, damaged: Tensor, lost: Tensor) -> Tensor:
        """Predict the patches of the damaged frame, (B, N, P*P*3), meaningful where lost."""

    def features(self, frames: Tensor) -> Tensor:
        """Describe the patches of whole frames by the encoder's last layer, (B, N, D)."""
        grid = grid_of(frames, self.profile.patch)
        place = positions(grid, self.profile.width, frames.device)
        return self.encoder(patchify(frames, self.profile.patch), place)[0][:, 1:]

    def loss(self, references: Tensor, target: Tensor, lost: Tensor) -> dict[str, Tensor]:
        """Squared error of the lost patches, averaged per image, then over the batch, as 'loss'.

        In training mode a baseline may lose other patches than `lost`; see its profile.
        """
        grid = self.check(references, target, lost)
        if self.training:
            return self.training_loss(references, target, lost, grid)
        return self.error(self.predict(references, target, lost), target, lost)

    def training_loss(
        self, references: Tensor, target: Tensor, lost: Tensor, grid: Grid
    ) -> dict[str, Tensor]:
        """Compute the loss of a training step; by default that of evaluation."""
        return self.error(self.predict(references, target, lost), target, lost)

    def error(self, predicted: Tensor, target: Tensor, lost: Tensor) -> dict[str, Tensor]:
        """Compare predicted patches (B, N, P*P*3) with those of the target frame."""
        patches = self.as_target(patchify(target, self.profile.patch))
        return {'loss': reconstruction_loss(predicted, patches, lost)}

    def as_target(self, patches: Tensor) -> Tensor:
        """Normalise patches (..., P*P*3) if `norm_pix`: (p - mean(p)) / sqrt(var(p) + 1e-6)."""
        if not self.profile.norm_pix:
            return patches
        variance, mean = torch.var_mean(patches, -1, keepdim=True)
        return (patches - mean) / (variance + 1e-6).sqrt()

    def restore(self, references: Tensor, damaged: Tensor, lost: Tensor) -> Tensor:
        """Restore damaged frames; visible patches stay as they are to the bit.

        Raises `InputError` for shapes that do not fit and for a profile with `norm_pix`.
        """
        grid = self.check(references, damaged, lost)
        if self.profile.norm_pix:
            raise InputError(
                f'profile {self.profile.name!r} predicts normalised patches: it has features, but '
                'cannot restore'
            )
        predicted = self.predict(references, damaged, lost)
        return unpatchify(merge(patchify(damaged, self.profile.patch), predicted, lost), grid)

    def check(self, references: Tensor, damaged: Tensor, lost: Tensor) -> Grid:
        """Count the rows and columns of patches; raises `InputError` for shapes that do not fit."""
        grid = grid_of(damaged, self.profile.patch)
        check_lost(lost, len(damaged), grid[0] * grid[1])
        expected = (len(damaged), self.references, *damaged.shape[1:])
        if tuple(references.shape) != expected:
            raise InputError(f'references must be {expected}, got {tuple(references.shape)}')
        return grid
