# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SiamMCVAE: restores the lost patches of a frame from an intact frame and what is still visible.

Algorithm 1 of the paper. Frames are float (B, 3, H, W), RGB in the scale of `pixels`; H and W are
any multiples of the patch. `lost` is bool (B, N), True where a patch is lost: pixels of lost
patches never enter the network, whatever they hold. N patches and the cls token make 1 + N tokens.
"""

from dataclasses import dataclass

import torch
from torch import nn, Tensor

from siammcvae_core.errors import InputError
from siammcvae_core.model.patches import (
    check_lost,
    Grid,
    grid_of,
    merge,
    patchify,
    select_visible,
    spread_visible,
    unpatchify,
)
from siammcvae_core.model.pixels import CHANNELS
from siammcvae_core.model.profiles import Profile
from siammcvae_core.model.vit import positions, ViT

LOG_VAR_START = -4.0
"""log σ² before training: little noise, so that reconstruction is learned first."""
LOG_VAR_RANGE = (-10.0, 4.0)


@dataclass(frozen=True)
class RestorationTensors:
    """The restorations of a batch.

    `patches` (B, N, P*P*3) are the restored frames G, visible patches unchanged; `mean` and
    `log_var` (B, 1 + N, D') describe the posterior of the latent, `log_var` None without
    reparameterisation; `grid` counts the rows and columns of patches.
    """

    patches: Tensor
    mean: Tensor
    log_var: Tensor | None
    grid: Grid

    @property
    def frame(self) -> Tensor:
        """The restored frames, (B, 3, H, W)."""
        return unpatchify(self.patches, self.grid)


class SiamViT(nn.Module):
    """The encoder both frames share (eq. 2-5)."""

    def __init__(self, profile: Profile, kernel: str) -> None:
        super().__init__()
        self.width = profile.width
        self.embed = nn.Linear(profile.patch**2 * CHANNELS, profile.width)
        self.cls = nn.Parameter(torch.empty(profile.width))
        self.vit = ViT(profile.width, profile.depth, profile.heads, profile.mlp_ratio, kernel)
        self.project = nn.Linear(profile.width, profile.latent)

    def forward(self, patches: Tensor, grid: Grid, lost: Tensor | None = None) -> Tensor:
        """Encode the visible of patches (B, N, P*P*3) to tokens (B, 1 + K, D'), cls first.

        K is the number of visible patches of the image that has most; the images with fewer are
        filled up behind theirs with tokens that no other token attends to.
        """
        place = positions(grid, self.width, patches.device)  # (1 + N, D)
        cls = self.cls + place[0]
        patches, place, keys = select_visible(patches, place[1:], lost)
        tokens = self.embed(patches) + place  # (B, K, D)
        tokens = torch.cat([cls.expand(len(tokens), 1, -1), tokens], 1)
        return self.project(self.vit(tokens, keys))


class SiamMCVAE(nn.Module):
    """The model of a profile; `kernel` chooses how attention is computed, see `vit.attend`."""

    def __init__(self, profile: Profile, kernel: str = 'adaptive') -> None:
        super().__init__()
        self.profile = profile
        latent, pixels = profile.latent, profile.patch**2 * CHANNELS
        self.encoder = SiamViT(profile, kernel)
        self.mask_token = nn.Parameter(torch.empty(latent))
        self.to_mean = nn.Linear(2 * latent, latent)
        self.to_log_var = nn.Linear(2 * latent, latent) if profile.reparameterise else None
        self.mix = nn.Linear(2 * latent, latent)
        self.decoder = ViT(
            latent, profile.decoder_depth, profile.decoder_heads, profile.mlp_ratio, kernel
        )
        self.to_pixels = nn.Linear(latent, pixels)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.encoder.cls, std=0.02)
        nn.init.normal_(self.mask_token, std=0.02)
        if self.to_log_var is not None:
            nn.init.zeros_(self.to_log_var.weight)
            nn.init.constant_(self.to_log_var.bias, LOG_VAR_START)

    def forward(self, reference: Tensor, damaged: Tensor, lost: Tensor) -> RestorationTensors:
        """Restore `damaged` from `reference`; raises `InputError` for shapes that do not fit."""
        return self.restore(self.encode_reference(reference), damaged, lost)

    def encode_reference(self, reference: Tensor) -> Tensor:
        """Encode whole frames to U1 (B, 1 + N, D'), which may serve many damaged frames."""
        patch = self.profile.patch
        return self.encoder(patchify(reference, patch), grid_of(reference, patch))

    def restore(self, u1: Tensor, damaged: Tensor, lost: Tensor) -> RestorationTensors:
        """Restore `damaged` from an encoded reference.

        Z is drawn from the posterior in training mode and is its mean otherwise.
        """
        patches, grid = self._cut(u1, damaged, lost)
        mean, log_var = self.latent(u1, self.encoder(patches, grid, lost), lost)
        z = draw(mean, log_var) if self.training and log_var is not None else mean
        return RestorationTensors(
            merge(patches, self.decode(z, u1, grid), lost), mean, log_var, grid
        )

    def sample(self, u1: Tensor, damaged: Tensor, lost: Tensor, count: int) -> Tensor:
        """Restore `damaged` with `count` draws of Z; patches (count, B, N, P*P*3).

        Raises `InputError` for a profile without reparameterisation.
        """
        patches, grid = self._cut(u1, damaged, lost)
        mean, log_var = self.latent(u1, self.encoder(patches, grid, lost), lost)
        if log_var is None:
            raise InputError(f'profile {self.profile.name!r} has no posterior to draw from')
        z = draw(mean.expand(count, -1, -1, -1), log_var).flatten(0, 1)  # (count * B, 1 + N, D')
        predicted = self.decode(z, u1.repeat(count, 1, 1), grid).unflatten(0, (count, -1))
        return merge(patches, predicted, lost)

    def latent(self, u1: Tensor, u2: Tensor, lost: Tensor) -> tuple[Tensor, Tensor | None]:
        """Fuse both frames' tokens to mean and log σ² of Z (eq. 6-9), (B, 1 + N, D') each."""
        u = torch.cat([u1, spread_visible(u2, lost, self.mask_token)], -1)  # (B, 1 + N, 2 D')
        if self.to_log_var is None:
            return self.to_mean(u), None
        return self.to_mean(u), self.to_log_var(u).clamp(*LOG_VAR_RANGE)

    def decode(self, z: Tensor, u1: Tensor, grid: Grid) -> Tensor:
        """Predict all patches (B, N, P*P*3) from the latent and the reference (eq. 11-14)."""
        v = self.mix(torch.cat([z, u1], -1)) + positions(grid, self.profile.latent, z.device)
        return self.to_pixels(self.decoder(v)[:, 1:])

    def _cut(self, u1: Tensor, damaged: Tensor, lost: Tensor) -> tuple[Tensor, Grid]:
        grid = grid_of(damaged, self.profile.patch)
        patches = patchify(damaged, self.profile.patch)  # (B, N, P*P*3)
        batch, count = patches.shape[:2]
        check_lost(lost, batch, count)
        if u1.shape[:2] != (batch, 1 + count):
            actual = tuple(u1.shape[:2])
            raise InputError(
                f'reference and damaged frames must match: {actual} tokens for {(batch, 1 + count)}'
            )
        return patches, grid


def draw(mean: Tensor, log_var: Tensor) -> Tensor:
    """Draw Z = M + σ ⊙ E with E standard normal (eq. 10), in the shape of `mean`."""
    return mean + (0.5 * log_var).exp() * torch.randn_like(mean)
