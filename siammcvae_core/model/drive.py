# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The `drive` profile: SiamMCVAE that selects and corrects motion-compensated pixels.

The skeleton is the paper's: a siamese ViT for the reference and for what is visible (eq. 2-5), the
latent with its posterior (eq. 8-10), a ViT decoder (eq. 12-13). Three things are made for real
frames. Tokens also carry the alignment features (see `alignment.features.extract_features`). The
reference's tokens are read at the patch where alignment places each patch. And the decoder does not
paint: for every cell of 4 x 4 or 8 x 8 working pixels it predicts a correction of the motion,
weights of the candidates, a colour to add and the expected error. With its last layer zero the
result is the aligned reference: training can only improve it.

N patches of 16 x 16 pixels are 16 cells each, or 4; `lost` and `active` are bool (B, N). Only
active patches take part: the lost ones and those next to them, so that cost follows damage.

Training calls the model on whole frames with `forward`; engines call `drive_export.RestoreCrop` on
the damaged part of a frame. Both gather their tokens, then call the same `decode`, `to_cell_map`
and `predict`. Attributes name the tensors in weights files.
"""

from dataclasses import dataclass

import torch
from torch import nn, Tensor
import torch.nn.functional as F

from siammcvae_core.alignment.composite import CANDIDATES, SMOOTH
from siammcvae_core.alignment.features import CHANNELS
from siammcvae_core.model.patches import Grid, grid_of, patchify
from siammcvae_core.model.pixels import CHANNELS as COLOURS
from siammcvae_core.model.profiles import DriveProfile
from siammcvae_core.model.siammcvae import draw, LOG_VAR_RANGE, LOG_VAR_START
from siammcvae_core.model.vit import ViT

TRUST = 4.0
"""Logit of the aligned reference before training: weight .90 of 1."""
ERROR = 1.1
"""Natural logarithm of the expected error before training, in grey levels."""


@dataclass(frozen=True)
class PredictionTensors:
    """The prediction for a batch, and the posterior of its latent.

    `correction` (B, 2, h, w) in working pixels as (x, y), `weights` (B, K, h, w) of the first K
    candidates, summing to 1, `colour` (B, 3, h, w), `log_scale` (B, 1, h, w), for cells; see
    `composite.Prediction`. `mean` and `log_var` (B, N, D'), the latter None without
    reparameterisation.
    """

    correction: Tensor
    weights: Tensor
    colour: Tensor
    log_scale: Tensor
    mean: Tensor
    log_var: Tensor | None


class DriveEncoder(nn.Module):
    """The encoder both frames share (eq. 2-5); positions are learned from coordinates."""

    def __init__(self, profile: DriveProfile, kernel: str) -> None:
        super().__init__()
        self.patch = profile.patch
        self.embed = nn.Linear(profile.patch**2 * COLOURS, profile.width)
        self.place = nn.Linear(2, profile.width)
        self.vit = ViT(profile.width, profile.depth, profile.heads, profile.mlp_ratio, kernel)
        self.project = nn.Linear(profile.width, profile.latent)

    def forward(self, frames: Tensor, keys: Tensor | None = None) -> Tensor:
        """Encode frames (B, 3, H, W) to tokens (B, N, D') that attend to those in `keys` (B, N)."""
        positions = patch_positions(grid_of(frames, self.patch), frames.device)
        return self.encode(patchify(frames, self.patch), positions, keys)

    def encode(self, patches: Tensor, positions: Tensor, keys: Tensor | None = None) -> Tensor:
        """Encode patches (B, K, P*P*3) at `positions` (.., K, 2), see `patch_positions`."""
        return self.project(self.vit(self.embed(patches) + self.place(positions), keys))


class Stem(nn.Sequential):
    """Two convolutions from alignment features of cells (B, C, h, w) to features (B, c, h, w)."""

    def __init__(self, channels: int, cells: int) -> None:
        super().__init__(
            nn.Conv2d(channels, cells, 3), nn.GELU(), nn.Conv2d(cells, cells, 3), nn.GELU()
        )

    def forward(self, features: Tensor) -> Tensor:
        """Compute a whole frame (B, C, h, w)."""
        inside_frame = F.pad(torch.ones_like(features[:, :1]), (1, 1, 1, 1))
        return self.crop(F.pad(features, (2, 2, 2, 2)), inside_frame)

    def crop(self, features: Tensor, inside_frame: Tensor) -> Tensor:
        """Compute part of a frame, (B, c, h, w), as if the whole frame were computed.

        `features` (B, C, h + 4, w + 4) has two cells more on each side, zero beyond the frame;
        `inside_frame` (B, 1, h + 2, w + 2) is 1 within the frame, else 0.
        """
        first, gelu, second, _ = self
        return gelu(second(gelu(first(features)) * inside_frame))


class DriveMCVAE(nn.Module):
    """The model of a profile; `kernel` chooses how attention is computed, see `vit.attend`."""

    def __init__(self, profile: DriveProfile, kernel: str = 'adaptive') -> None:
        super().__init__()
        self.profile = profile
        cells, latent, across = profile.cells, profile.latent, profile.patch // profile.cell
        self._sizes = 2, profile.candidates, COLOURS, 1  # correction, weights, colour, log scale
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
        self.answer = nn.Conv2d(cells, sum(self._sizes), 1)
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
        start = torch.zeros(sum(self._sizes))
        start[self._sizes[0]], start[-1] = TRUST, ERROR
        self.answer.bias = nn.Parameter(start)

    def forward(
        self, reference: Tensor, damaged: Tensor, features: Tensor, source: Tensor, lost: Tensor
    ) -> PredictionTensors:
        """Predict a batch; see `restore`."""
        return self.restore(self.encode_reference(reference), damaged, features, source, lost)

    def encode_reference(self, reference: Tensor) -> Tensor:
        """Encode whole frames (B, 3, H, W) to U1 (B, N, D'), which may serve many damaged ones."""
        return self.encoder(reference)

    def restore(
        self, u1: Tensor, damaged: Tensor, features: Tensor, source: Tensor, lost: Tensor
    ) -> PredictionTensors:
        """Predict for damaged frames (B, 3, H, W), whatever their lost patches hold.

        `u1` are the reference's tokens, `features` (B, C, h, w) those of alignment for its cells;
        `source` long (B, N) is the index of the reference's patch where alignment places each
        patch. Z is drawn from the posterior in training mode and is its mean otherwise.
        """
        grid = grid_of(damaged, self.profile.patch)
        active = near(lost, grid)
        visible = active & ~lost
        u1 = u1.gather(1, source[..., None].expand_as(u1))
        # An image with nothing visible must attend to something; its tokens are not used.
        u2 = self.encoder(damaged, visible | ~visible.any(1, keepdim=True))
        u2 = torch.where(visible[..., None], u2, self.mask_token)
        cells = self.stem(features)  # (B, c, h, w)
        decoded, mean, log_var = self.decode(u1, u2, self.cell_tokens(cells), active)
        return self.predict(cells, self.to_cell_map(decoded, grid), mean, log_var)

    def cell_tokens(self, cells: Tensor) -> Tensor:
        """Embed features of cells (B, c, h, w) as a token for every patch, (B, N, D')."""
        return self.to_tokens(cells).flatten(2).transpose(1, 2)

    def decode(
        self, u1: Tensor, u2: Tensor, cell_tokens: Tensor, active: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Fuse tokens of reference, frame and cells, (B, T, D') each, through the latent.

        Returns features of the cells of every token (B, T, k*k*c), and mean and log σ² of Z.
        """
        if not self.profile.siamese:
            u1, u2 = torch.zeros_like(u1), torch.zeros_like(u2)
        mean, log_var = self.latent(torch.cat([u1, u2, cell_tokens], -1))
        z = draw(mean, log_var) if self.training and log_var is not None else mean
        decoded = self.decoder(self.mix(torch.cat([z, u1, cell_tokens], -1)), active)
        return self.to_cells(decoded), mean, log_var

    def latent(self, u: Tensor) -> tuple[Tensor, Tensor | None]:
        """Fuse tokens (B, T, 3 D') to mean and log σ² of Z (eq. 8-9), (B, T, D') each."""
        if self.to_log_var is None:
            return self.to_mean(u), None
        return self.to_mean(u), self.to_log_var(u).clamp(*LOG_VAR_RANGE)

    def to_cell_map(self, decoded: Tensor, grid: Grid) -> Tensor:
        """Arrange the cells of all patches of a grid (B, r*c, k*k*c) as a map (B, c, k r, k c)."""
        side = self.profile.patch // self.profile.cell
        rows, columns = grid
        cells = decoded.reshape(-1, rows, columns, side, side, self.profile.cells)
        cells = cells.permute(0, 5, 1, 3, 2, 4)  # (B, c, r, side, columns, side)
        return cells.reshape(-1, self.profile.cells, side * rows, side * columns)

    def predict(
        self, cells: Tensor, decoded: Tensor, mean: Tensor, log_var: Tensor | None
    ) -> PredictionTensors:
        """Predict from features of the cells and those decoded for them, (B, c, h, w) each."""
        joined = F.gelu(self.join(torch.cat([cells, decoded], 1)))
        refined = joined + F.gelu(self.refine(joined))
        correction, logits, colour, log_scale = self.answer(refined).float().split(self._sizes, 1)
        profile = self.profile
        may_use = [
            profile.smooth or name not in SMOOTH for name in CANDIDATES[: profile.candidates]
        ]
        allowed = torch.tensor(may_use, device=logits.device)
        weights = logits.masked_fill(~allowed.view(-1, 1, 1), -torch.inf).softmax(1)
        return PredictionTensors(
            correction * float(profile.correction), weights, colour * float(profile.colour),
            log_scale, mean, log_var,
        )  # fmt: skip


def near(lost: Tensor, grid: Grid) -> Tensor:
    """Mark the lost patches and those next to them, also diagonally; bool (B, N)."""
    planes = lost.reshape(-1, 1, *grid).float()
    return F.max_pool2d(planes, 3, 1, 1).flatten(1) > 0


def patch_positions(grid: Grid, device: torch.device) -> Tensor:
    """Compute the centres of patches in the frame, (N, 2) as (y, x) in (-1, 1)."""
    rows, columns = grid
    y = (2 * torch.arange(rows, device=device) + 1) / rows - 1
    x = (2 * torch.arange(columns, device=device) + 1) / columns - 1
    centres = torch.stack([y[:, None].expand(-1, columns), x.expand(rows, -1)], -1)
    return centres.reshape(-1, 2)
