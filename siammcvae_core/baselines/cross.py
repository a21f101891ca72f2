# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decoders that predict the patches of one frame with attention to the tokens of another."""

import torch
from torch import nn, Tensor
import torch.nn.functional as F

from siammcvae_core.baselines.profile import BaselineProfile
from siammcvae_core.model.patches import spread_visible
from siammcvae_core.model.vit import attend, Attention, check_kernel, ViT


class CrossAttention(nn.Module):
    """Multi-headed attention of tokens (B, T, D) to others (B, S, D)."""

    def __init__(self, width: int, heads: int, kernel: str) -> None:
        super().__init__()
        self.heads = heads
        self.kernel = kernel
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor, keys: Tensor | None = None) -> Tensor:
        """Attend to the tokens of `memory` in `keys`, bool (B, S), None for all."""
        q = self.q(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, heads, T, d)
        kv = self.kv(memory).unflatten(-1, (2, self.heads, -1))  # (B, S, 2, heads, d)
        k, v = kv.permute(2, 0, 3, 1, 4)  # (B, heads, S, d) each
        return self.out(attend(q, k, v, keys, self.kernel).transpose(1, 2).flatten(2))


class CrossBlock(nn.Module):
    """Pre-norm block: attention to the memory, to each other if `self_attention`, then the MLP."""

    def __init__(
        self, width: int, heads: int, mlp_ratio: int, kernel: str, self_attention: bool
    ) -> None:
        super().__init__()
        self.norm_memory = nn.LayerNorm(width, eps=1e-6)
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.cross = CrossAttention(width, heads, kernel)
        self.norm2 = nn.LayerNorm(width, eps=1e-6) if self_attention else None
        self.attention = Attention(width, heads, kernel) if self_attention else None
        self.norm3 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(width, mlp_ratio * width), nn.GELU(), nn.Linear(mlp_ratio * width, width)
        )

    def forward(self, x: Tensor, memory: Tensor, keys: Tensor | None = None) -> Tensor:
        """Transform tokens (B, T, D); `keys` bool (B, S) marks those of the memory that count."""
        x = x + self.cross(self.norm1(x), self.norm_memory(memory), keys)
        if self.attention is not None and self.norm2 is not None:
            x = x + self.attention(self.norm2(x))
        return x + self.mlp(self.norm3(x))


class CrossTrunk(nn.Module):
    """Cross blocks with a layer norm after the last."""

    def __init__(self, profile: BaselineProfile, kernel: str, self_attention: bool) -> None:
        super().__init__()
        check_kernel(kernel)
        width, heads, ratio = profile.decoder_width, profile.decoder_heads, profile.mlp_ratio
        self.blocks = nn.ModuleList(
            CrossBlock(width, heads, ratio, kernel, self_attention)
            for _ in range(profile.decoder_depth)
        )
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, x: Tensor, memory: Tensor, keys: Tensor | None) -> Tensor:
        """Transform x (B, T, D) attending to `memory` (B, S, D) where `keys` (B, S) is True."""
        for block in self.blocks:
            x = block(x, memory, keys)
        return self.norm(x)


class JointTrunk(nn.Module):
    """Plain blocks over both frames' tokens in one sequence; a learned vector marks one of them."""

    def __init__(self, profile: BaselineProfile, kernel: str) -> None:
        super().__init__()
        width, heads, depth = profile.decoder_width, profile.decoder_heads, profile.decoder_depth
        self.which = nn.Parameter(torch.empty(width))
        self.vit = ViT(width, depth, heads, profile.mlp_ratio, kernel)

    def forward(self, x: Tensor, memory: Tensor, keys: Tensor | None) -> Tensor:
        """Transform x (B, T, D) together with `memory` (B, S, D) where `keys` (B, S) is True."""
        count = x.shape[1]
        both = torch.cat([x + self.which, memory], 1)
        every = None if keys is None else F.pad(keys, (count, 0), value=True)
        return self.vit(both, every)[:, :count]


class PairDecoder(nn.Module):
    """Predicts all patches of a frame from its visible tokens and those of a reference.

    `kind` is `joint` (both frames' tokens in one sequence), `cross` (the frame's tokens attend to
    the reference's only) or `cross_self` (and then to each other).
    """

    def __init__(self, kind: str, profile: BaselineProfile, pixels: int, kernel: str) -> None:
        super().__init__()
        self.enter = nn.Linear(profile.width, profile.decoder_width)
        self.mask_token = nn.Parameter(torch.empty(profile.decoder_width))
        if kind == 'joint':
            self.trunk: nn.Module = JointTrunk(profile, kernel)
        else:
            self.trunk = CrossTrunk(profile, kernel, kind == 'cross_self')
        self.to_pixels = nn.Linear(profile.decoder_width, pixels)

    def forward(
        self,
        reference: Tensor,
        reference_place: Tensor,
        keys: Tensor | None,
        tokens: Tensor,
        place: Tensor,
        lost: Tensor,
    ) -> Tensor:
        """Predict patches (B, N, pixels).

        `reference` (B, 1 + S, D) at `reference_place` (.., 1 + S, D'), of which those in `keys`
        count; `tokens` (B, 1 + K, D) of the visible patches, `place` (1 + N, D').
        """
        memory = self.enter(reference) + reference_place
        x = spread_visible(self.enter(tokens), lost, self.mask_token) + place  # (B, 1 + N, D')
        return self.to_pixels(self.trunk(x, memory, keys)[:, 1:])
