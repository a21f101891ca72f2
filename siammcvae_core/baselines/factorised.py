# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Divergences and priors of a latent of independent factors.

A state z^l = (s^l, v^l, c^l) of a factor is a Gaussian for each of its numbers; tensors are
(B, L, q, D) for means and (B, L, q, D, D) for covariances.

The transition priors take steps of a trajectory, r = (s_i - s_{i-1} - v_{i-1} Δ, v_i - v_{i-1}),
and measure rᵀ Λ⁻¹ r. The seed prints Λ = ((γ₁Δ)², (γ₃Δ)²; (γ₃Δ)², (γ₂Δ)²), which is positive
definite if γ₃² < γ₁γ₂ and does not compose: two steps of Δ/2 are not one of Δ. White noise of
density σ² in the acceleration does, Λ = σ² (Δ³/3, Δ²/2; Δ²/2, Δ), and for constant acceleration
rᵀ Λ⁻¹ r is its energy ∫ |a|² dt / σ².
"""

import math

import torch
from torch import Tensor

from siammcvae_core.errors import InputError


def kl(mean: Tensor, covariance: Tensor, deviations: Tensor) -> Tensor:
    """KL of N(mean, covariance) from N(0, diag(deviations²)) per factor, (B, L) in nats.

    KL = ½ (tr(P⁻¹ Cov) + mᵀ P⁻¹ m - D + log det P - log det Cov)
    """
    precision = deviations**-2
    variances = covariance.diagonal(dim1=-2, dim2=-1)  # (B, L, q, D)
    root = torch.linalg.cholesky(covariance)
    log_det = 2 * root.diagonal(dim1=-2, dim2=-1).log().sum(-1)  # (B, L, q)
    fit = ((variances + mean.square()) * precision).sum(-1)
    return 0.5 * (fit - len(deviations) - precision.log().sum() - log_det).sum(-1)


def log_density(points: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """Log density of points (B, L, q, D) under posteriors (M, L, q, D): (B, M, L) in nats."""
    root = torch.linalg.cholesky(covariance)  # (M, L, q, D, D)
    difference = (points[:, None] - mean[None])[..., None]  # (B, M, L, q, D, 1)
    white = torch.linalg.solve_triangular(root[None], difference, upper=False)[..., 0]
    log_det = root.diagonal(dim1=-2, dim2=-1).log().sum(-1)  # (M, L, q)
    constant = points.shape[-1] / 2 * math.log(2 * math.pi)
    return (-0.5 * white.square().sum(-1) - log_det - constant).sum(-1)


def total_correlation(points: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """Total correlation of the factors, in nats: how far q(z) is from the product of its q(z^l).

    TC = E_b [ log q(z_b) - Σ_l log q(z_b^l) ],    q(z) the mixture of the M posteriors

    with the points (B, L, q, D) drawn from q. The mixture is that of a batch; over a whole set of
    clips the estimate is the better the more there are (Chen et al. 2018, groups for dimensions).
    """
    densities = log_density(points, mean, covariance)  # (B, M, L)
    count = math.log(densities.shape[1])
    joint = torch.logsumexp(densities.sum(-1), 1) - count
    single = torch.logsumexp(densities, 1) - count  # (B, L)
    return (joint - single.sum(-1)).mean()


def covariance_between(mean: Tensor) -> Tensor:
    """Sum of squared covariances between means (B, L, q, D) of different factors (DIP-VAE)."""
    rows = mean.flatten(2)  # (B, L, q D)
    rows = rows - rows.mean(0)
    every = torch.einsum('bli,bmj->lmij', rows, rows) / max(1, len(rows) - 1)
    off = 1 - torch.eye(rows.shape[1], device=mean.device)
    return (every.square().sum((-1, -2)) * off).sum()


def seed_covariance(gammas: tuple[float, float, float], gaps: Tensor) -> Tensor:
    """Covariance of the seed's transition prior, (..., 2, 2), for gaps (...); see the module.

    Raises `InputError` where it is not positive definite.
    """
    first, second, third = gammas
    if not (first > 0 and second > 0 and third**2 < first * second):
        raise InputError(
            f'the transition prior must be positive definite, gamma_3² < gamma_1 gamma_2, '
            f'got gammas {gammas}'
        )
    matrix = gaps.new_tensor([[first, third], [third, second]]).square()
    return matrix * gaps.square()[..., None, None]


def white_noise_covariance(density: float, gaps: Tensor) -> Tensor:
    """Covariance of a step under white-noise acceleration, (..., 2, 2), for gaps (...)."""
    off = gaps.square() / 2
    rows = torch.stack([torch.stack([gaps**3 / 3, off], -1), torch.stack([off, gaps], -1)], -2)
    return density * rows


def transition_penalty(s: Tensor, v: Tensor, gaps: Tensor, covariance: Tensor) -> Tensor:
    """½ Σ_i rᵀ Λ_i⁻¹ r over the steps of trajectories (B, K + 1, L, q), gaps (B, K): (B,) in nats.

    `covariance` is Λ, (B, K, 2, 2). Steps of no length count nothing.
    """
    step = gaps[..., None, None]
    residual = torch.stack([s[:, 1:] - s[:, :-1] - v[:, :-1] * step, v[:, 1:] - v[:, :-1]], -1)
    still = gaps == 0
    safe = torch.where(still[..., None, None], torch.eye(2, device=s.device), covariance)
    inverse = torch.linalg.inv(safe)[:, :, None, None]  # (B, K, 1, 1, 2, 2)
    energy = torch.einsum('bklqi,bklqij,bklqj->bk', residual, inverse.expand(
        *residual.shape, 2), residual)  # fmt: skip
    return 0.5 * (energy * ~still).sum(1)
