# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The composite of `alignment.composite` in PyTorch, to be learned through, at working size."""

import torch
from torch import Tensor
import torch.nn.functional as F

from siammcvae_core.alignment.composite import CANDIDATES, COLOUR_UNIT, SMOOTH
from siammcvae_core.model.drive import PredictionTensors


def composite(newest: Tensor, displacement: Tensor, prediction: PredictionTensors) -> Tensor:
    """Compute the composite of all pixels of working size; the equation is in that module.

    `newest` float (B, 3, H, W) is the newest reference, RGB; `displacement` (B, 2, H, W) as
    aligned. Returns frames like `newest`, neither rounded nor clipped.
    """
    size = newest.shape[-2:]
    correction = upsample(prediction.correction, size)
    warped = warp(newest, displacement + correction, 'bicubic').clamp(0, 255)
    names = CANDIDATES[: prediction.weights.shape[1]]
    candidates = {'warped': warped, 'copy': newest}
    for name in names[2:]:
        candidates[name] = _box_mean(warped, SMOOTH[name])
    weights = upsample(prediction.weights, size)
    total = COLOUR_UNIT * upsample(prediction.colour.flip(1), size)  # BGR as everywhere in core
    for name, weight in zip(names, weights.split(1, 1), strict=True):
        total = total + weight * candidates[name]
    return total


def warp(frames: Tensor, displacement: Tensor, mode: str = 'bilinear') -> Tensor:
    """Warp frames (B, 3, H, W) by displacements (B, 2, H, W), as `motion.warp` does in NumPy."""
    height, width = frames.shape[-2:]
    x = displacement[:, 0] + torch.arange(width, device=displacement.device) + 0.5
    y = displacement[:, 1] + torch.arange(height, device=displacement.device)[:, None] + 0.5
    where = torch.stack([2 * x / width - 1, 2 * y / height - 1], -1)
    return F.grid_sample(frames, where, mode, padding_mode='border', align_corners=False)


def upsample(cells: Tensor, size: torch.Size) -> Tensor:
    """Interpolate maps of cells (B, C, h, w) bilinearly to `size` (H, W)."""
    return F.interpolate(cells, size=tuple(size), mode='bilinear', align_corners=False)


def _box_mean(frames: Tensor, extent: tuple[int, int]) -> Tensor:
    """Average over boxes of `extent` (width, height), odd; the border is repeated outside."""
    width, height = extent
    padded = F.pad(frames, 2 * (width // 2,) + 2 * (height // 2,), mode='replicate')
    return F.avg_pool2d(padded, (height, width), 1)
