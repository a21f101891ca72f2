# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The composite that the network's prediction describes; the equations are in that of NumPy."""

from typing import Protocol

import torch
from torch import Tensor

from siammcvae_core.alignment.composite import CANDIDATES, COLOUR_UNIT, SMOOTH
from siammcvae_core.alignment.program.images import box_mean, interpolate, round_levels, warp
from siammcvae_core.motion.rectangle import Rectangle
from siammcvae_core.motion.references import STRIDE


class PredictedCells(Protocol):
    """What the network predicts for every cell of a batch, see `alignment.composite.Prediction`.

    `correction` (B, 2, h, w), `weights` (B, K, h, w), `colour` (B, 3, h, w), `log_scale`
    (B, 1, h, w).
    """

    @property
    def correction(self) -> Tensor:
        """Added to the displacement, in working pixels as (x, y)."""

    @property
    def weights(self) -> Tensor:
        """Weights of the first K CANDIDATES, summing to 1."""

    @property
    def colour(self) -> Tensor:
        """Added, BGR in COLOUR_UNITs."""

    @property
    def log_scale(self) -> Tensor:
        """Logarithm of the expected absolute error in grey levels."""


def composite(newest: Tensor, aligned: Tensor, prediction: PredictedCells) -> Tensor:
    """Restore every pixel of frames (B, 3, H, W) BGR or (B, 1, H, W), in whole grey levels.

    `newest` are the newest references of native size, `aligned` (B, 2, h / 2, w / 2) their
    displacement in working pixels. Warped and smoothed candidates are rounded, as images of uint8.
    """
    size = newest.shape[-2], newest.shape[-1]
    rows, columns = (STRIDE * side for side in aligned.shape[-2:])
    displacement = interpolate(aligned, size) + interpolate(prediction.correction, size)
    scale = torch.tensor([size[1] / columns, size[0] / rows], device=newest.device)
    native = displacement * scale.view(1, 2, 1, 1)
    return blend(newest, native, prediction, rounded=True).round().clamp(0, 255)


def blend(
    newest: Tensor, displacement: Tensor, prediction: PredictedCells, rounded: bool = False
) -> Tensor:
    """Blend the candidates and add the colour: frames like `newest`, not clipped.

    `displacement` (B, 2, H, W), corrected, is in pixels of the frames. Candidates are `rounded` as
    images of uint8 are, or not, so that the result can be learned through.
    """
    size = newest.shape[-2], newest.shape[-1]
    warped = warp(newest, displacement, Rectangle.whole(size), mode='bicubic').clamp(0, 255)
    warped = round_levels(warped) if rounded else warped
    names = CANDIDATES[: prediction.weights.shape[1]]
    candidates = {'warped': warped, 'copy': newest}
    for name in names[2:]:
        width, height = SMOOTH[name]
        mean = box_mean(warped, (height, width), 'replicate')
        candidates[name] = round_levels(mean) if rounded else mean
    colour = prediction.colour if newest.shape[1] == 3 else prediction.colour.mean(1, keepdim=True)
    total = interpolate(COLOUR_UNIT * colour, size)
    weights = interpolate(prediction.weights, size)
    for name, weight in zip(names, weights.split(1, 1), strict=True):
        total = total + weight * candidates[name]
    return total


def expected_error(prediction: PredictedCells, size: tuple[int, int]) -> Tensor:
    """Compute the expected absolute error where references are intact, (B, 1, H, W)."""
    return interpolate(prediction.log_scale.exp(), size)
