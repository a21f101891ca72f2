# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""MAE: a single damaged frame, restored from what is visible of it, with no look at the past.

He et al. 2022, as facebookresearch/mae lays it out: the encoder sees visible patches only, the
decoder all places. Fixed 2-D sin-cos positions.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from siammcvae_core.baselines.baseline import LearnedBaseline
from siammcvae_core.baselines.parts import Decoder, Encoder, initialise
from siammcvae_core.baselines.profile import BaselineProfile, by_name
from siammcvae_core.model.patches import grid_of, patchify
from siammcvae_core.model.pixels import CHANNELS
from siammcvae_core.model.vit import positions


@dataclass(frozen=True)
class MAEProfile(BaselineProfile):
    """An MAE; see `BaselineProfile`."""

    system: ClassVar[str] = 'mae'


PROFILES = by_name(
    (
        MAEProfile('tiny', 192, 4, 3, 128, 2, 4),
        MAEProfile('vit_s', 384, 12, 6, 256, 4, 8),
        MAEProfile('vit_b', 768, 12, 12, 512, 8, 16),
        MAEProfile('vit_l', 1024, 24, 16, 512, 8, 16),
    )
)


class MAE(LearnedBaseline):
    """The model of a profile; `kernel` chooses how attention is computed, see `vit.attend`."""

    references = 0

    def __init__(self, profile: MAEProfile, kernel: str = 'adaptive') -> None:
        super().__init__()
        self.profile: MAEProfile = profile
        pixels = profile.patch**2 * CHANNELS
        self.encoder = Encoder(profile, pixels, kernel)
        self.decoder = Decoder(profile, pixels, kernel)
        initialise(self)

    def predict(self, references: Tensor, damaged: Tensor, lost: Tensor) -> Tensor:
        """Predict the patches of the damaged frame; `references` (B, 0, 3, H, W) hold nothing."""
        grid, device = grid_of(damaged, self.profile.patch), damaged.device
        patches = patchify(damaged, self.profile.patch)
        tokens, _ = self.encoder(patches, positions(grid, self.profile.width, device), lost)
        return self.decoder(tokens, positions(grid, self.profile.decoder_width, device), lost)

    def features(self, frames: Tensor) -> Tensor:
        """Describe the patches of whole frames, (B, N, D)."""
        grid = grid_of(frames, self.profile.patch)
        place = positions(grid, self.profile.width, frames.device)
        return self.encoder(patchify(frames, self.profile.patch), place)[0][:, 1:]
