# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The two halves of a masked autoencoder: encode the visible tokens, decode all of them."""

import torch
from torch import nn, Tensor

from siammcvae_core.baselines.profile import BaselineProfile
from siammcvae_core.model.patches import select_visible, spread_visible
from siammcvae_core.model.vit import ViT


class MaskedEncoder(nn.Module):
    """Embeds patches of `pixels` values, adds their positions and transforms the visible ones."""

    def __init__(self, profile: BaselineProfile, pixels: int, kernel: str) -> None:
        super().__init__()
        self.embed = nn.Linear(pixels, profile.width)
        self.cls = nn.Parameter(torch.empty(profile.width))
        self.vit = ViT(profile.width, profile.depth, profile.heads, profile.mlp_ratio, kernel)

    def forward(
        self, patches: Tensor, place: Tensor, lost: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Encode the visible patches (B, M, pixels) at `place` (1 + M, D); see `tokens`."""
        tokens, keys = self.tokens(patches, place, lost)
        return self.vit(tokens, keys), keys

    def tokens(
        self, patches: Tensor, place: Tensor, lost: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Embed the visible patches, cls first: tokens (B, 1 + K, D), and which of them count.

        K is the number of visible patches of the image that has most; see `select_visible`.
        """
        cls = self.cls + place[0]
        patches, place, keys = select_visible(patches, place[1:], lost)
        tokens = self.embed(patches) + place
        return torch.cat([cls.expand(len(tokens), 1, -1), tokens], 1), keys


class MaskedDecoder(nn.Module):
    """Predicts all tokens from the visible ones, a learned token standing for each lost one."""

    def __init__(self, profile: BaselineProfile, pixels: int, kernel: str) -> None:
        super().__init__()
        width = profile.decoder_width
        self.enter = nn.Linear(profile.width, width)
        self.mask_token = nn.Parameter(torch.empty(width))
        self.vit = ViT(
            width, profile.decoder_depth, profile.decoder_heads, profile.mlp_ratio, kernel
        )
        self.to_pixels = nn.Linear(width, pixels)

    def forward(self, tokens: Tensor, place: Tensor, lost: Tensor) -> Tensor:
        """Predict (B, M, pixels) from tokens (B, 1 + K, D), cls first; `place` (1 + M, D')."""
        full = spread_visible(self.enter(tokens), lost, self.mask_token) + place
        return self.to_pixels(self.vit(full)[:, 1:])


def initialise(module: nn.Module) -> None:
    """Initialise as MAE: Xavier for matrices, zero biases, N(0, 0.02) for learned tokens."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)
        elif not isinstance(part, nn.LayerNorm):
            for parameter in part.parameters(recurse=False):
                nn.init.normal_(parameter, std=0.02)
