# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The convolutional halves of Ode2-FacVAE: a code for every frame, a frame for every position."""

from itertools import pairwise

import torch
from torch import nn, Tensor
import torch.nn.functional as F

from siammcvae_core.model.pixels import CHANNELS

LEAST_VARIANCE, MOST_VARIANCE = -8.0, 4.0  # logarithms, of a code's noise


class ConvolutionalEncoder(nn.Module):
    """Frames with what is seen of them as a fourth channel, to codes and their variances.

    `depth` convolutions of stride 2 with `width`, 2 `width`, … channels; `codes` is Q.
    """

    def __init__(self, size: tuple[int, int], width: int, depth: int, codes: int) -> None:
        super().__init__()
        channels = [CHANNELS + 1, *(width * (i + 1) for i in range(depth))]
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers += [nn.Conv2d(before, after, 4, 2, 1), nn.SiLU()]
        self.convolutions = nn.Sequential(*layers)
        cells = (size[0] >> depth) * (size[1] >> depth)
        self.out = nn.Linear(cells * channels[-1], 2 * codes)

    def forward(self, frames: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Encode frames (B, 3, H, W), zero where `seen` (B, 1, H, W) is 0: codes, variances (B, Q).

        The variance grows as the share of the frame that is seen shrinks.
        """
        features = self.convolutions(torch.cat([frames * seen, seen], 1)).flatten(1)
        codes, log_variances = self.out(features).chunk(2, -1)
        share = seen.mean((1, 2, 3)).clamp(min=1e-3)[:, None]
        return codes, log_variances.clamp(LEAST_VARIANCE, MOST_VARIANCE).exp() / share


class ConvolutionalDecoder(nn.Module):
    """Positions of all factors, (B, Q), to frames (B, 3, H, W); nearest x 2, then 3 x 3."""

    def __init__(self, size: tuple[int, int], width: int, depth: int, codes: int) -> None:
        super().__init__()
        channels = [width * (i + 1) for i in reversed(range(depth))]
        self.grid = channels[0], size[0] >> depth, size[1] >> depth
        self.first = nn.Linear(codes, self.grid[0] * self.grid[1] * self.grid[2])
        afters = [*channels[1:], CHANNELS]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, 1, 1)
            for before, after in zip(channels, afters, strict=True)
        )

    def forward(self, positions: Tensor) -> Tensor:
        """Decode positions."""
        x = self.first(positions).unflatten(1, self.grid)
        for convolution in self.convolutions:
            x = convolution(F.interpolate(F.silu(x), scale_factor=2))
        return x
