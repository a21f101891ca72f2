# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The state of every factor at one time, from codes of frames at any other times, in closed form.

Every number of the latent by itself moves, with τ the time from the reference time, as

    s(τ) = s + v τ + c τ²/2 + w(τ),    w white noise of density σ_w², integrated twice

and the encoder gives m_i = s(τ_i) + noise of variance R_i. With A_i = (1, τ_i, τ_i²/2) and the
prior N(0, P) of (s, v, c) that is linear regression:

    C = diag(R) + K,    K_ij = σ_w² (μ³/3 + |τ_i - τ_j| μ²/2),    μ = min(|τ_i|, |τ_j|)

on the same side of the reference time, else K_ij = 0, and

    Cov = (Aᵀ C⁻¹ A + P⁻¹)⁻¹,    mean = Cov Aᵀ C⁻¹ m

Without context c is left out, and with order 1 v as well; w is then integrated once, K_ij = σ_w² μ.
"""

import torch
from torch import Tensor


def posterior(
    times: Tensor,
    codes: Tensor,
    variances: Tensor,
    observed: Tensor,
    deviations: Tensor,
    noise: Tensor,
) -> tuple[Tensor, Tensor]:
    """Compute mean (B, Q, D) and covariance (B, Q, D, D) of (s, v, c) at time 0.

    `times` (B, T) in units of time, any order; `codes` and `variances` (B, T, Q) those of the
    frames; `observed` bool (B, T) marks the frames that count; `deviations` (D,) of the prior, D
    from 1 (s alone) to 3; `noise` (Q,) is σ_w.
    """
    count = len(deviations)
    used = observed.to(codes.dtype)
    design = torch.stack([torch.ones_like(times), times, times.square() / 2][:count], -1)
    design = (design * used[..., None])[:, None]  # (B, 1, T, D)
    kernel = _kernel(times, order=1 if count == 1 else 2) * used[:, :, None] * used[:, None]
    variance = torch.where(observed[..., None], variances, torch.ones_like(variances))
    spread = torch.diag_embed(variance.transpose(1, 2))  # (B, Q, T, T)
    root = torch.linalg.cholesky(spread + noise.square()[:, None, None] * kernel[:, None])
    seen = (codes * used[..., None]).transpose(1, 2)[..., None]  # (B, Q, T, 1)
    weighted = torch.cholesky_solve(design.expand(*root.shape[:2], -1, -1), root)  # (B, Q, T, D)
    precision = weighted.transpose(-1, -2) @ design + torch.diag(deviations**-2)
    covariance = torch.linalg.inv(precision)
    covariance = (covariance + covariance.transpose(-1, -2)) / 2
    mean = covariance @ (weighted.transpose(-1, -2) @ seen)
    return mean[..., 0], covariance


def _kernel(times: Tensor, order: int) -> Tensor:
    """Covariance of the integrated noise of density 1 at all pairs of times, (B, T, T)."""
    one, other = times[:, :, None], times[:, None]
    least = torch.minimum(one.abs(), other.abs())
    kernel = least if order == 1 else least**3 / 3 + (one - other).abs() * least.square() / 2
    return torch.where(one * other > 0, kernel, torch.zeros_like(kernel))
