# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""MAE-ST: a clip of reference and damaged frames, with patches lost anywhere in space and time.

Feichtenhofer et al. 2022: separable positions, one for space plus a learned one for time, tubelets
of two frames, and masks drawn without regard to space or time. Unlike there, the positions in space
are the fixed 2-D sin-cos ones, so that frames of any size work. See `clips` for the tubelets.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn, Tensor

from siammcvae_core.baselines.clips import ClipAutoencoder, ClipProfile
from siammcvae_core.baselines.profile import by_size
from siammcvae_core.model.patches import Grid
from siammcvae_core.model.vit import positions


@dataclass(frozen=True)
class MAESTProfile(ClipProfile):
    """An MAE-ST; see `ClipProfile`."""

    system: ClassVar[str] = 'mae_st'


PROFILES = by_size(
    MAESTProfile, tiny=(128, 2, 4), vit_s=(256, 4, 8), vit_b=(512, 4, 16), vit_l=(512, 4, 16)
)


class MAEST(ClipAutoencoder):
    """The model of a profile."""

    def _add_times(self) -> None:
        self.time = nn.Parameter(torch.empty(self.profile.steps, self.profile.width))
        self.decoder_time = nn.Parameter(
            torch.empty(self.profile.steps, self.profile.decoder_width)
        )

    def places(self, grid: Grid, decoder: bool, device: torch.device) -> Tensor:
        """Add the learned position in time to the fixed one in space, (steps, 1 + N, D)."""
        time = self.decoder_time if decoder else self.time
        return positions(grid, time.shape[1], device) + time[:, None]

    def mask_clip(self, lost: Tensor) -> Tensor:
        """Lose tubelets anywhere, each sample the share of them that `lost` (B, N) marks."""
        clip = lost.new_empty((len(lost), self.profile.steps * lost.shape[1]), dtype=torch.float32)
        rank = clip.uniform_().argsort(1).argsort(1)  # (B, steps * N)
        count = lost.sum(1, keepdim=True) * self.profile.steps
        return (rank < count).unflatten(1, (self.profile.steps, -1))
