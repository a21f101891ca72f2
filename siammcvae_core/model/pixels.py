# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pixel scale of the network: RGB normalised with the ImageNet mean and deviation.

β weighs the KL term against squared error in this scale, so it is part of the model.
"""

import torch
from torch import Tensor

CHANNELS = 3
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def normalise(frames: Tensor) -> Tensor:
    """Bring RGB grey levels 0..255, any dtype, (..., 3, H, W), to the network's float32 scale."""
    mean, std = _statistics(frames)
    return (frames.float() / 255 - mean) / std


def denormalise(frames: Tensor) -> Tensor:
    """Bring network output (..., 3, H, W) back to uint8 RGB, rounded and clipped to 0..255."""
    mean, std = _statistics(frames)
    return ((frames.float() * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)


def _statistics(frames: Tensor) -> tuple[Tensor, Tensor]:
    mean, std = torch.tensor((MEAN, STD), device=frames.device)[..., None, None]  # (3, 1, 1) each
    return mean, std
