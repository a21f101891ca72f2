# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The loss of the drive model, over the lost pixels.

    loss = mean_b log(mse_b + FLOOR) + FLOW_WEIGHT flow + SCALE_WEIGHT scale + β_t KL
           + sum_k λ_k L_k

mse_b is the mean squared error of image b: its logarithm, since PSNR is what is reported and an
easy frame counts no less than a hard one. `flow` is the error of the correction Δ, where Δ* is that
of the flow from the undamaged frame; `scale` the negative log-likelihood, less log 2, of the
absolute errors e under a Laplace distribution of the predicted log scale s; KL that of the latent
(eq. 20) with the weight β_t = annealing · β, as in a negative evidence lower bound:

    flow = mean_cells min(|Δ - Δ*|, FLOW_RANGE),    scale = mean_pixels (e exp(-s) + s)

L_k are the OPTIONAL_LOSSES with a weight λ_k above 0 in the profile.
"""

import torch
from torch import Tensor
import torch.nn.functional as F

from siammcvae_core.alignment.program.images import interpolate, warp
from siammcvae_core.model.drive import near, PredictionTensors
from siammcvae_core.model.losses import (
    charbonnier,
    detail_error,
    focal_frequency,
    gradient_error,
    kl_divergence,
    smoothness,
)
from siammcvae_core.model.patches import grid_of
from siammcvae_core.model.profiles import DriveProfile
from siammcvae_core.motion.rectangle import Rectangle
from siammcvae_core.train.drive_features import DriveFeatures
from siammcvae_core.train.system import Batch, lost_pixels

FLOOR = 0.5  # grey levels² added to squared errors: below, coding noise decides
FLOW_WEIGHT = 0.1
FLOW_RANGE = 3.0  # pixels; larger errors of the flow count no more
SCALE_WEIGHT = 0.05
OPTIONAL_LOSSES = ('detail', 'charbonnier', 'gradient', 'frequency', 'smoothness', 'photometric')


def drive_losses(
    batch: Batch,
    features: DriveFeatures,
    prediction: PredictionTensors,
    restored: Tensor,
    profile: DriveProfile,
    annealing: float,
) -> dict[str, Tensor]:
    """Compare `restored` (B, 3, H, W) with the target: 'loss', its parts, and 'psnr' in dB."""
    lost = lost_pixels(batch.lost, batch.target.shape[-2:], profile.patch).float()  # (B, 1, H, W)
    losses = _main_losses(batch.target, lost, features, prediction, restored)
    losses['loss'] = losses['loss'] + annealing * profile.beta * losses['kl']
    for name in OPTIONAL_LOSSES:
        weight = getattr(profile, name)
        if weight > 0:
            losses[name] = _optional_loss(
                name, batch, features, prediction, restored, lost, profile.patch
            )
            losses['loss'] = losses['loss'] + weight * losses[name]
    return losses


def _main_losses(
    target: Tensor,
    lost: Tensor,
    features: DriveFeatures,
    prediction: PredictionTensors,
    restored: Tensor,
) -> dict[str, Tensor]:
    share = lost.sum((1, 2, 3)).clamp(min=1)
    difference = restored - target.float()
    squared = (difference.square().mean(1, keepdim=True) * lost).sum((1, 2, 3)) / share
    lost_cells = F.avg_pool2d(lost, lost.shape[-1] // prediction.correction.shape[-1])
    deviation = (prediction.correction - features.correction).abs().clamp(max=FLOW_RANGE)
    deviation = deviation.mean(1, keepdim=True)
    flow = (deviation * lost_cells).sum() / lost_cells.sum().clamp(min=1)
    log_scale = interpolate(prediction.log_scale, lost.shape[-2:])
    error = difference.detach().abs().mean(1, keepdim=True)
    likelihood = ((error * (-log_scale).exp() + log_scale) * lost).sum() / share.sum()
    fidelity = (squared + FLOOR).log().mean()
    zero = torch.zeros_like(fidelity)
    kl = zero if prediction.log_var is None else kl_divergence(prediction.mean, prediction.log_var)
    return {
        'loss': fidelity + FLOW_WEIGHT * flow + SCALE_WEIGHT * likelihood,
        'psnr': 10 * (255.0**2 / (squared.detach() + 1e-2)).log10().mean(),
        'flow': flow,
        'scale': likelihood,
        'kl': kl,
    }


def _optional_loss(
    name: str,
    batch: Batch,
    features: DriveFeatures,
    prediction: PredictionTensors,
    restored: Tensor,
    lost: Tensor,
    patch: int,
) -> Tensor:
    """Compute one of the OPTIONAL_LOSSES; `lost` of 0 and 1 (B, 1, H, W)."""
    target = batch.target.float()
    difference = restored - target
    if name == 'detail':
        return detail_error(restored, target, lost)
    if name == 'charbonnier':
        return charbonnier(difference, lost)
    if name == 'gradient':
        return gradient_error(difference, lost)
    if name == 'frequency':
        return focal_frequency(difference, lost)
    if name == 'smoothness':
        cell = target.shape[-1] // prediction.correction.shape[-1]
        return smoothness(prediction.correction, F.avg_pool2d(target, cell))
    size = target.shape[-2:]
    around = lost_pixels(near(batch.lost, grid_of(target, patch)), size, patch)
    displacement = features.displacement + interpolate(prediction.correction, size)
    warped = warp(batch.references[:, 0].float(), displacement, Rectangle.whole(size))
    return charbonnier(warped - target, around * (1 - lost))
