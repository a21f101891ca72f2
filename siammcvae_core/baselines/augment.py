# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Augmentation of SiamMAE's training pairs: random crops, colours and lost patches.

Both frames of a pair get the same crop, mirroring and colours: what differs between them is motion.
"""

import torch
from torch import Tensor
import torch.nn.functional as F

from siammcvae_core.faults.masks import DITHER
from siammcvae_core.model.patches import Grid
from siammcvae_core.model.pixels import MEAN, STD

SCALE = (0.5, 1.0)
"""Area of a crop, as a share of the frame's."""
ASPECT = 4 / 3
"""A crop's aspect differs from the frame's by up to this factor."""
JITTER = 0.4
"""Brightness, contrast and saturation are scaled by up to 1 ± this."""
GREY = (0.299, 0.587, 0.114)


def crop(frames: Tensor) -> Tensor:
    """Cut a random part of each sample (B, T, 3, H, W), mirror half of them, resize to H x W."""
    batch, count = frames.shape[:2]
    area = torch.empty(batch, device=frames.device).uniform_(*SCALE)
    aspect = ASPECT ** torch.empty_like(area).uniform_(-1, 1)
    tall, wide = ((area * a).sqrt().clamp(max=1) for a in (aspect, 1 / aspect))
    top, left = ((1 - side) * (2 * torch.rand_like(side) - 1) for side in (tall, wide))
    mirrored = wide * (1 - 2 * torch.randint_like(wide, 2))
    zero = torch.zeros_like(area)
    rows = torch.stack([mirrored, zero, left, zero, tall, top], -1).unflatten(-1, (2, 3))
    view = F.affine_grid(rows, [batch, 3, *frames.shape[-2:]], align_corners=False)
    cut = F.grid_sample(frames.flatten(1, 2), view, padding_mode='border', align_corners=False)
    return cut.unflatten(1, (count, 3))


def colour(frames: Tensor) -> Tensor:
    """Change brightness, contrast and saturation of each sample (B, T, 3, H, W), in that order."""
    mean, std = frames.new_tensor((MEAN, STD))[:, :, None, None]
    grey = frames.new_tensor(GREY)[:, None, None]
    factors = torch.empty((3, len(frames), 1, 1, 1, 1), device=frames.device)
    brightness, contrast, saturation = factors.uniform_(1 - JITTER, 1 + JITTER)
    pixels = ((frames * std + mean) * brightness).clamp(0, 1)
    level = (pixels * grey).sum(-3, keepdim=True).mean((1, -2, -1), keepdim=True)
    pixels = torch.lerp(level, pixels, contrast).clamp(0, 1)
    pixels = torch.lerp((pixels * grey).sum(-3, keepdim=True), pixels, saturation).clamp(0, 1)
    return (pixels - mean) / std


def draw_lost(pattern: str, ratio: float, batch: int, grid: Grid, device: torch.device) -> Tensor:
    """Lose a `ratio` of the patches of each image, bool (B, N): `random` ones or a `grid` of them.

    A grid goes by a dither matrix at a random shift: 0.5 leaves a chequerboard, 0.75 one of each
    2 x 2. All images lose equally many.
    """
    rows, columns = grid
    if pattern == 'random':
        order = torch.rand(batch, rows * columns, device=device)
    else:
        dither = torch.from_numpy(DITHER).to(device)
        down, right = torch.randint(len(dither), (2, batch, 1), device=device)
        row = (torch.arange(rows, device=device) + down) % len(dither)
        column = (torch.arange(columns, device=device) + right) % len(dither)
        order = dither[row[:, :, None], column[:, None]].flatten(1)
    rank = order.argsort(dim=1, stable=True).argsort(1)
    return rank < round(ratio * rows * columns)
