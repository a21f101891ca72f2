# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""VideoMAE: a clip of reference and damaged frames, trained with tubes of lost patches.

Tong et al. 2022: tubelets of two frames; a tube mask loses the same patches in all frames, so that
they cannot be copied from a neighbour in time. Fixed sin-cos positions of row, column and time: the
original counts tokens in one row instead, which holds for one size of frames only. A cls token,
which the original does not have, is there even where all patches are lost. See `clips` for the
tubelets.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from siammcvae_core.baselines.clips import ClipAutoencoder, ClipProfile
from siammcvae_core.baselines.profile import by_size
from siammcvae_core.model.patches import Grid
from siammcvae_core.model.vit import positions


@dataclass(frozen=True)
class VideoMAEProfile(ClipProfile):
    """A VideoMAE; see `ClipProfile`. A quarter of each position's features is of time."""

    system: ClassVar[str] = 'videomae'

    def __post_init__(self) -> None:
        super().__post_init__()
        for width in ('width', 'decoder_width'):
            self._require(getattr(self, width) % 16 == 0, f'{width} must be a multiple of 16')


PROFILES = by_size(
    VideoMAEProfile, tiny=(128, 2, 4), vit_s=(192, 4, 3), vit_b=(384, 4, 6), vit_l=(512, 4, 8)
)


class VideoMAE(ClipAutoencoder):
    """The model of a profile."""

    def places(self, grid: Grid, decoder: bool, device: torch.device) -> Tensor:
        """Concatenate positions in space and time, (steps, 1 + N, D)."""
        steps = self.profile.steps
        width = self.profile.decoder_width if decoder else self.profile.width
        space = positions(grid, width - width // 4, device)
        # The steps are the columns of a grid of one row; the features of the column come first.
        time = positions((1, steps), width // 2, device)[1:, None, : width // 4]
        return torch.cat([space.expand(steps, -1, -1), time.expand(-1, len(space), -1)], -1)

    def mask_clip(self, lost: Tensor) -> Tensor:
        """Lose the patches of `lost` (B, N) in all frames."""
        return lost[:, None].expand(-1, self.profile.steps, -1)
