# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The `drive` profile: SiamMCVAE that judges and mends a motion-compensated frame.

The skeleton is the paper's: a siamese ViT for the reference and what is visible, the latent with
its posterior, a ViT decoder. Three things are made for real frames. The tokens also carry the
evidence (see `features.gather`). The reference's tokens are read where the evidence believes a
patch to have been. And the decoder does not paint: it says for every cell of 4 x 4 working pixels
how far to correct the motion, which candidates to trust, what colour to add and how wrong all that
may be. With its last layer zero the answer is the aligned reference: training can only improve it.

N patches of 16 x 16 pixels are 16 cells each; `lost` and `active` are bool (B, N). Only active
patches take part: the lost ones and those next to them, so that cost follows damage.
"""

from dataclasses import dataclass

import torch
from torch import nn, Tensor
import torch.nn.functional as F

from siammcvae_core.alignment.composite import CANDIDATES, SMOOTH
from siammcvae_core.alignment.features import CELL, CHANNELS
from siammcvae_core.model.patches import Grid, grid_of, patchify
from siammcvae_core.model.pixels import CHANNELS as COLOURS
from siammcvae_core.model.profiles import DriveProfile
from siammcvae_core.model.siammcvae import draw, LOG_VAR_RANGE, LOG_VAR_START
from siammcvae_core.model.vit import ViT

TRUST = 4.0
"""Logit of the aligned reference before training: weight .90 of 1."""
ERROR = 1.1
"""Logarithm of the expected error before training, in grey levels."""
SIZES = (2, len(CANDIDATES), COLOURS, 1)
"""Channels of the answer: correction, weights, colour, log scale."""


@dataclass(frozen=True)
class PredictionTensors:
    """The answer for a batch, and the posterior behind it.

    `correction` (B, 2, h, w) in working pixels as (x, y), `weights` (B, 5, h, w) summing to 1,
    `colour` (B, 3, h, w), `log_scale` (B, 1, h, w), for cells; see `features.blending.Prediction`.
    `mean` and `log_var` (B, N, D'), the latter None without reparameterisation.
    """

    correction: Tensor
    weights: Tensor
    colour: Tensor
    log_scale: Tensor
    mean: Tensor
    log_var: Tensor | None


class DriveEncoder(nn.Module):
    """The encoder both frames share (eq. 2-5); where a patch lies is told by the evidence."""

    def __init__(self, profile: DriveProfile, kernel: str) -> None:
        super().__init__()
        self.patch = profile.patch
        self.embed = nn.Linear(profile.patch**2 * COLOURS, profile.width)
        self.place = nn.Linear(2, profile.width)
        self.vit = ViT(profile.width, profile.depth, profile.heads, profile.mlp_ratio, kernel)
        self.project = nn.Linear(profile.width, profile.latent)

    def forward(self, frames: Tensor, keys: Tensor | None = None) -> Tensor:
        """Encode frames (B, 3, H, W) to tokens (B, N, D') that attend to those in `keys` (B, N)."""
        place = _places(grid_of(frames, self.patch), frames.device)
        return self.encode(patchify(frames, self.patch), place, keys)

    def encode(self, patches: Tensor, place: Tensor, keys: Tensor | None = None) -> Tensor:
        """Encode patches (B, K, P*P*3) lying at `place` (.., K, 2), see `_places`."""
        return self.project(self.vit(self.embed(patches) + self.place(place), keys))


class Stem(nn.Sequential):
    """Two convolutions that turn evidence (B, C, h, w) to features of its cells (B, c, h, w)."""

    def __init__(self, channels: int, cells: int) -> None:
        super().__init__(
            nn.Conv2d(channels, cells, 3, padding=1), nn.GELU(),
            nn.Conv2d(cells, cells, 3, padding=1), nn.GELU(),
        )  # fmt: skip

    def middle(self, features: Tensor, inside: Tensor) -> Tensor:
        """Give all but two cells around a part of a larger picture what `forward` gives of that.

        `features` (1, C, h + 4, w + 4) is zero beyond the picture, `inside` (1, 1, h + 2, w + 2) is
        1 within it, else 0.
        """
        first, second = (layer for layer in self if isinstance(layer, nn.Conv2d))
        cells = F.gelu(F.conv2d(features, first.weight, first.bias)) * inside
        return F.gelu(F.conv2d(cells, second.weight, second.bias))


class DriveMCVAE(nn.Module):
    """The model of a profile; `kernel` chooses how attention is computed, see `vit.attend`."""

    def __init__(self, profile: DriveProfile, kernel: str = 'adaptive') -> None:
        super().__init__()
        self.profile = profile
        cells, latent, across = profile.cells, profile.latent, profile.patch // CELL
        self.encoder = DriveEncoder(profile, kernel)
        self.stem = Stem(len(CHANNELS), cells)
        self.to_tokens = nn.Conv2d(cells, latent, across, across)
        self.mask_token = nn.Parameter(torch.empty(latent))
        self.to_mean = nn.Linear(3 * latent, latent)
        self.to_log_var = nn.Linear(3 * latent, latent) if profile.reparameterise else None
        self.mix = nn.Linear(3 * latent, profile.decoder_width)
        self.decoder = ViT(
            profile.decoder_width, profile.decoder_depth, profile.decoder_heads,
            profile.mlp_ratio, kernel,
        )  # fmt: skip
        self.to_cells = nn.Linear(profile.decoder_width, across**2 * cells)
        self.join = nn.Conv2d(2 * cells, cells, 1)
        self.refine = nn.Conv2d(cells, cells, 3, padding=1)
        self.answer = nn.Conv2d(cells, sum(SIZES), 1)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.mask_token, std=0.02)
        if self.to_log_var is not None:
            nn.init.zeros_(self.to_log_var.weight)
            nn.init.constant_(self.to_log_var.bias, LOG_VAR_START)
        nn.init.zeros_(self.answer.weight)
        start = torch.zeros(sum(SIZES))
        start[SIZES[0]], start[-1] = TRUST, ERROR
        self.answer.bias = nn.Parameter(start)

    def forward(
        self, reference: Tensor, damaged: Tensor, features: Tensor, source: Tensor, lost: Tensor
    ) -> PredictionTensors:
        """Judge a batch; see `restore`."""
        return self.restore(self.encode_reference(reference), damaged, features, source, lost)

    def encode_reference(self, reference: Tensor) -> Tensor:
        """Encode whole frames (B, 3, H, W) to U1 (B, N, D'), which may serve many damaged ones."""
        return self.encoder(reference)

    def restore(
        self, u1: Tensor, damaged: Tensor, features: Tensor, source: Tensor, lost: Tensor
    ) -> PredictionTensors:
        """Judge damaged frames (B, 3, H, W), whatever their lost patches hold.

        `features` (B, C, H/4, W/4); `source` long (B, N) names the patch of the reference where a
        patch is believed to have been. Z is drawn from the posterior in training mode and is its
        mean otherwise.
        """
        grid = grid_of(damaged, self.profile.patch)
        active = near(lost, grid)
        visible = active & ~lost
        u1 = u1.gather(1, source[..., None].expand_as(u1))
        # An image with nothing visible must attend to something; its tokens are not used.
        u2 = self.encoder(damaged, visible | ~visible.any(1, keepdim=True))
        u2 = torch.where(visible[..., None], u2, self.mask_token)
        if not self.profile.siamese:
            u1, u2 = torch.zeros_like(u1), torch.zeros_like(u2)
        cells = self.stem(features)  # (B, c, h, w)
        tokens = self.to_tokens(cells).flatten(2).transpose(1, 2)  # (B, N, D')
        mean, log_var = self.latent(torch.cat([u1, u2, tokens], -1))
        z = draw(mean, log_var) if self.training and log_var is not None else mean
        decoded = self.decoder(self.mix(torch.cat([z, u1, tokens], -1)), active)
        return self.predict(cells, self._spread(decoded, grid), mean, log_var)

    def latent(self, u: Tensor) -> tuple[Tensor, Tensor | None]:
        """Fuse tokens (B, N, 3 D') to mean and log σ² of Z (eq. 8-9), (B, N, D') each."""
        if self.to_log_var is None:
            return self.to_mean(u), None
        return self.to_mean(u), self.to_log_var(u).clamp(*LOG_VAR_RANGE)

    def predict(
        self, cells: Tensor, decoded: Tensor, mean: Tensor, log_var: Tensor | None
    ) -> PredictionTensors:
        """Turn features of the cells and what was decoded for them (B, c, h, w) to the answer."""
        joined = F.gelu(self.join(torch.cat([cells, decoded], 1)))
        refined = joined + F.gelu(self.refine(joined))
        correction, logits, colour, log_scale = self.answer(refined).float().split(SIZES, 1)
        profile = self.profile
        may_use = [profile.smooth or name not in SMOOTH for name in CANDIDATES]
        allowed = torch.tensor(may_use, device=logits.device)
        weights = logits.masked_fill(~allowed.view(-1, 1, 1), -torch.inf).softmax(1)
        return PredictionTensors(
            correction * float(profile.correction), weights, colour * float(profile.colour),
            log_scale, mean, log_var,
        )  # fmt: skip

    def _spread(self, tokens: Tensor, grid: Grid) -> Tensor:
        """Turn tokens (B, N, D) to features of their cells (B, c, h, w)."""
        across = self.profile.patch // CELL
        cells = self.to_cells(tokens).unflatten(1, grid).unflatten(-1, (across, across, -1))
        # (B, rows, columns, across, across, c)
        return cells.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)


def near(lost: Tensor, grid: Grid) -> Tensor:
    """Mark the lost patches and those next to them, also diagonally; bool (B, N)."""
    planes = lost.reshape(-1, 1, *grid).float()
    return F.max_pool2d(planes, 3, 1, 1).flatten(1) > 0


def _places(grid: Grid, device: torch.device) -> Tensor:
    """Where patches lie in the frame, (N, 2) as (y, x) in (-1, 1)."""
    rows, columns = grid
    y = (2 * torch.arange(rows, device=device) + 1) / rows - 1
    x = (2 * torch.arange(columns, device=device) + 1) / columns - 1
    return torch.cartesian_prod(y, x)
