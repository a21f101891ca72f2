# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The training loss: error of the lost patches plus β times the divergence of the latent."""

from dataclasses import dataclass

import torch
from torch import Tensor
import torch.nn.functional as F

from siammcvae_core.model.profiles import Profile
from siammcvae_core.model.siammcvae import RestorationTensors

DETAIL_SCALES = (1, 2, 4)
DETAIL_WINDOW = 16  # pixels
DETAIL_FLOOR = 1.0  # grey levels per pixel, about that of coding noise


@dataclass(frozen=True)
class Loss:
    """`total` = `reconstruction` + β `kl` (eq. 18), scalars."""

    total: Tensor
    reconstruction: Tensor
    kl: Tensor


def siammcvae_loss(
    restored: RestorationTensors,
    target: Tensor,
    lost: Tensor,
    profile: Profile,
    beta: float | None = None,
) -> Loss:
    """Compute the loss of a batch of restorations, against the true patches (B, N, P*P*3).

        L = L_rec + β L_KL    (eq. 18)

    `beta` overrides the profile's, for warm-up.
    """
    reconstruction = reconstruction_loss(restored.patches, target, lost)
    if restored.log_var is None:
        return Loss(reconstruction, reconstruction, torch.zeros_like(reconstruction))
    divergence = paper_kl if profile.paper_kl else kl_divergence
    kl = divergence(restored.mean, restored.log_var)
    weight = profile.beta if beta is None else beta
    return Loss(reconstruction + weight * kl, reconstruction, kl)


def reconstruction_loss(patches: Tensor, target: Tensor, lost: Tensor) -> Tensor:
    """Mean squared error over the lost patches of each image, averaged over the images (eq. 19).

    `patches` and `target` (B, N, P*P*3), `lost` bool (B, N); images that lost nothing count 0.
    """
    error = (patches.float() - target.float()).square().mean(-1)  # (B, N)
    lost_error = torch.where(lost, error, 0).sum(1) / lost.sum(1).clamp(min=1)  # (B,)
    return lost_error.mean()


def kl_divergence(mean: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mean, σ²) || N(0, 1)), averaged over all latents: eq. 20 with log S² for log S."""
    mean, log_var = mean.float(), log_var.float()
    return 0.5 * (mean.square() + log_var.exp() - log_var - 1).mean()


def paper_kl(mean: Tensor, log_var: Tensor) -> Tensor:
    """Eq. 20 as printed, S = σ: lowest at -0.0767 for σ² = 1/2, so not a divergence."""
    mean, log_var = mean.float(), log_var.float()
    return 0.5 * (mean.square() + log_var.exp() - 0.5 * log_var).mean() - 0.5


def charbonnier(difference: Tensor, mask: Tensor, softness: float = 0.255) -> Tensor:
    """Mean of sqrt(d² + ε²) over masked pixels: absolute error, smooth at 0.

    `difference` (B, C, H, W) in grey levels; `mask` float (B, 1, H, W).
    """
    return _masked_mean((difference.square() + softness**2).sqrt(), mask)


def gradient_error(difference: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute error of the image gradient between masked neighbours, for edges in place."""
    along_x = _masked_mean(difference.diff(dim=-1).abs(), mask[..., 1:] * mask[..., :-1])
    along_y = _masked_mean(difference.diff(dim=-2).abs(), mask[..., 1:, :] * mask[..., :-1, :])
    return along_x + along_y


def detail_error(restored: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Compare the energy of detail around every place: blurred objects are not found again.

        mean |log(E(x) / E(y))|,    E(q) = sqrt(c² + mean over a window of |grad q|²)

    over the windows of DETAIL_WINDOW pixels that hold masked ones, for the frames averaged over
    squares of each of DETAIL_SCALES pixels; c is DETAIL_FLOOR. Unlike the squared error it does not
    prefer the mean of all that is possible. Frames (B, 3, H, W) in grey levels; `mask` float
    (B, 1, H, W).
    """
    total = restored.new_zeros(())
    for scale in DETAIL_SCALES:
        window = DETAIL_WINDOW // scale
        energies = []
        for frame in (restored, target):
            reduced = F.avg_pool2d(frame, scale).mean(1, keepdim=True)
            along_x, along_y = reduced.diff(dim=-1), reduced.diff(dim=-2)
            power = F.pad(along_x, (0, 1)).square() + F.pad(along_y, (0, 0, 0, 1)).square()
            energies.append((F.avg_pool2d(power, window) + DETAIL_FLOOR**2).sqrt())
        total = total + _masked_mean(
            (energies[0] / energies[1]).log().abs(), F.max_pool2d(mask, DETAIL_WINDOW)
        )
    return total / len(DETAIL_SCALES)


def focal_frequency(difference: Tensor, mask: Tensor) -> Tensor:
    """Squared error of the spectrum, hard frequencies counting more (Jiang 2021, eq. 8, α = 1)."""
    spectrum = torch.fft.rfft2((difference * mask).float(), norm='ortho').abs()
    weight = spectrum.detach()
    weight = weight / weight.amax((-2, -1), keepdim=True).clamp(min=1e-6)
    return (weight * spectrum.square()).mean()


def smoothness(flow: Tensor, picture: Tensor) -> Tensor:
    """Edge-aware smoothness of a flow (B, 2, h, w): its gradient, less at edges of the picture.

    mean |grad flow| exp(-|grad picture| / 10),    `picture` (B, 3, h, w) in grey levels
    """
    total = flow.new_zeros(())
    for axis in (-1, -2):
        edge = picture.diff(dim=axis).abs().mean(1, keepdim=True)  # grey levels
        total = total + (flow.diff(dim=axis).abs() * (-edge / 10).exp()).mean()
    return total


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / (mask.sum() * values.shape[1]).clamp(min=1)
