# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""MAE: a single damaged frame, restored from its visible patches, without earlier frames.

He et al. 2022, as facebookresearch/mae lays it out: the encoder sees visible patches only, the
decoder all places. Fixed 2-D sin-cos positions.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from siammcvae_core.baselines.baseline import LearnedBaseline
from siammcvae_core.baselines.parts import initialise, MaskedDecoder
from siammcvae_core.baselines.profile import BaselineProfile, by_size
from siammcvae_core.model.patches import grid_of, patchify
from siammcvae_core.model.vit import positions


@dataclass(frozen=True)
class MAEProfile(BaselineProfile):
    """An MAE; see `BaselineProfile`."""

    system: ClassVar[str] = 'mae'


PROFILES = by_size(
    MAEProfile, tiny=(128, 2, 4), vit_s=(256, 4, 8), vit_b=(512, 8, 16), vit_l=(512, 8, 16)
)


class MAE(LearnedBaseline):
    """The model of a profile; see `LearnedBaseline`."""

    references = 0

    def __init__(self, profile: MAEProfile, kernel: str = 'adaptive') -> None:
        super().__init__(profile, kernel)
        self.decoder = MaskedDecoder(profile, self.pixels_per_token, kernel)
        initialise(self)

    def predict(self, references: Tensor, damaged: Tensor, lost: Tensor) -> Tensor:
        """Predict the patches of the damaged frame; `references` (B, 0, 3, H, W) are none."""
        grid, device = grid_of(damaged, self.profile.patch), damaged.device
        patches = patchify(damaged, self.profile.patch)
        tokens, _ = self.encoder(patches, positions(grid, self.profile.width, device), lost)
        return self.decoder(tokens, positions(grid, self.profile.decoder_width, device), lost)
