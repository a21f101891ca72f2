# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SiamMAE: a damaged frame, restored from a whole reference by an encoder that both share.

Gupta et al. 2023, with the switches of its ablations. As there, the reference frame loses nothing
(unless `symmetric`) and, with a siamese encoder, no token says which frame it is of. Pre-norm
blocks without dropout, as in the encoder.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn, Tensor
import torch.nn.functional as F

from siammcvae_core.baselines.augment import colour, crop, draw_lost
from siammcvae_core.baselines.baseline import LearnedBaseline
from siammcvae_core.baselines.cross import PairDecoder
from siammcvae_core.baselines.parts import initialise
from siammcvae_core.baselines.profile import BaselineProfile, by_size
from siammcvae_core.model.patches import Grid, grid_of, patchify, visible_index
from siammcvae_core.model.vit import positions

SWITCHES = {
    'encoder': ('siamese', 'joint'),
    'decoder': ('cross_self', 'cross', 'joint'),
    'mask': ('given', 'random', 'grid'),
}


@dataclass(frozen=True)
class SiamMAEProfile(BaselineProfile):
    """A SiamMAE; see `BaselineProfile`.

    `encoder` siamese or joint (both frames in one sequence); `decoder` cross_self, cross or joint,
    see `PairDecoder`.

    How it is trained: `mask` given (the lost patches that come with the samples, as all other
    systems train) or `ratio` of all patches, random or in a grid; `symmetric` makes the reference
    lose as many patches, others than the target; `spatial` crops and mirrors the pair, `colour`
    changes its colours. The samples decide how many frames apart the two are.
    """

    system: ClassVar[str] = 'siammae'

    encoder: str = 'siamese'
    decoder: str = 'cross_self'
    mask: str = 'given'
    ratio: float = 0.95
    symmetric: bool = False
    spatial: bool = False
    colour: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, values in SWITCHES.items():
            self._require(getattr(self, name) in values, f'{name} must be {" or ".join(values)}')
        self._require(0 < self.ratio <= 1, 'ratio must be in (0, 1]')


PROFILES = {
    **by_size(
        SiamMAEProfile, tiny=(128, 2, 4), vit_s=(256, 4, 8), vit_b=(512, 4, 16), vit_l=(512, 4, 16)
    ),
    # Trained for features, as published: its own masks and crops, normalised targets.
    'paper': SiamMAEProfile(
        'paper', 384, 12, 6, 256, 4, 8, norm_pix=True, mask='random', spatial=True
    ),
}


class SiamMAE(LearnedBaseline):
    """The model of a profile; see `LearnedBaseline`. Features are those of each frame alone."""

    references = 1
    profile: SiamMAEProfile

    def __init__(self, profile: SiamMAEProfile, kernel: str = 'adaptive') -> None:
        super().__init__(profile, kernel)
        joint = profile.encoder == 'joint'
        self.which = nn.Parameter(torch.empty(profile.width)) if joint else None
        self.decoder = PairDecoder(profile.decoder, profile, self.pixels_per_token, kernel)
        initialise(self)

    def predict(self, references: Tensor, damaged: Tensor, lost: Tensor) -> Tensor:
        """Predict the patches of the damaged frame, (B, N, P*P*3), from the whole reference."""
        return self._predict(references[:, 0], None, damaged, lost)

    def training_loss(
        self, references: Tensor, target: Tensor, lost: Tensor, grid: Grid
    ) -> dict[str, Tensor]:
        """Augment the pair and lose patches as the profile says, then compare."""
        profile = self.profile
        pair = torch.cat([references, target[:, None]], 1)  # (B, 2, 3, H, W)
        if profile.spatial:
            pair = crop(pair)
        if profile.colour:
            pair = colour(pair)
        reference, target = pair.unbind(1)
        if profile.mask != 'given':
            lost = draw_lost(profile.mask, profile.ratio, len(lost), grid, lost.device)
        reference_lost = None
        if profile.symmetric and profile.mask == 'given':
            order = torch.rand(lost.shape, device=lost.device).argsort(1)
            reference_lost = lost.gather(1, order)
        elif profile.symmetric:
            reference_lost = draw_lost(profile.mask, profile.ratio, len(lost), grid, lost.device)
        predicted = self._predict(reference, reference_lost, target, lost)
        return self.error(predicted, target, lost)

    def _predict(
        self, reference: Tensor, reference_lost: Tensor | None, damaged: Tensor, lost: Tensor
    ) -> Tensor:
        patch, grid = self.profile.patch, grid_of(damaged, self.profile.patch)
        place = positions(grid, self.profile.width, damaged.device)
        decoder_place = positions(grid, self.profile.decoder_width, damaged.device)
        first, keys = self.encoder.tokens(patchify(reference, patch), place, reference_lost)
        second, valid = self.encoder.tokens(patchify(damaged, patch), place, lost)
        if self.which is None:
            first, second = self.encoder.vit(first, keys), self.encoder.vit(second, valid)
        else:
            both = torch.cat([first, second + self.which], 1)
            first, second = self.encoder.vit(both, _join(first, keys, second, valid)).split(
                [first.shape[1], second.shape[1]], 1
            )
        reference_place = decoder_place
        if reference_lost is not None:
            index = F.pad(visible_index(reference_lost)[0] + 1, (1, 0))  # (B, 1 + K), cls first
            reference_place = decoder_place[index]
        return self.decoder(first, reference_place, keys, second, decoder_place, lost)


def _join(
    first: Tensor, keys: Tensor | None, second: Tensor, valid: Tensor | None
) -> Tensor | None:
    """Join the masks of which tokens of both frames count: bool (B, T), None for all."""
    if keys is None and valid is None:
        return None
    every = [
        tokens.new_ones(tokens.shape[:2], dtype=torch.bool) if which is None else which
        for tokens, which in ((first, keys), (second, valid))
    ]
    return torch.cat(every, 1)
