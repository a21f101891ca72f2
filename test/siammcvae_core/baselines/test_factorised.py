# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Divergences, total correlation and transition priors against closed forms."""

import math

import pytest
import torch

from siammcvae_core.baselines.factorised import (
    covariance_between,
    kl,
    log_density,
    seed_covariance,
    total_correlation,
    transition_penalty,
    white_noise_covariance,
)
from siammcvae_core.errors import InputError

DEVIATIONS = torch.tensor([1.0, 0.3, 0.1]).double()


def gaussians(count: int, factors: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    mean = torch.randn(count, factors, 4, 3).double()
    root = torch.randn(count, factors, 4, 3, 3).double()
    return mean, root @ root.transpose(-1, -2) + 0.1 * torch.eye(3).double()


def test_kl_is_that_of_torch_and_zero_at_the_prior() -> None:
    mean, covariance = gaussians(5)
    prior = torch.distributions.MultivariateNormal(
        torch.zeros(3).double(), torch.diag(DEVIATIONS**2)
    )
    own = torch.distributions.MultivariateNormal(mean, covariance)
    expected = torch.distributions.kl_divergence(own, prior).sum(-1)
    torch.testing.assert_close(kl(mean, covariance, DEVIATIONS), expected)
    at_prior = kl(torch.zeros_like(mean), torch.diag(DEVIATIONS**2).expand_as(covariance),
                  DEVIATIONS)  # fmt: skip
    torch.testing.assert_close(at_prior, torch.zeros_like(at_prior), atol=1e-12, rtol=0)


def test_log_density_is_that_of_torch() -> None:
    mean, covariance = gaussians(5)
    points = torch.randn(3, 2, 4, 3).double()
    own = torch.distributions.MultivariateNormal(mean, covariance)
    expected = own.log_prob(points[:, None]).sum(-1)
    torch.testing.assert_close(log_density(points, mean, covariance), expected)


def test_one_factor_has_no_total_correlation_and_copies_have() -> None:
    mean, covariance = gaussians(64, factors=1)
    covariance = covariance * 1e-4
    noise = torch.linalg.cholesky(covariance) @ torch.randn_like(mean)[..., None]
    points = mean + noise[..., 0]
    alone = total_correlation(points, mean, covariance)
    torch.testing.assert_close(alone, torch.zeros_like(alone), atol=1e-9, rtol=0)
    two = [torch.cat([t, t], 1) for t in (points, mean, covariance)]
    # A copy says which of the 64 clips it is: log 64 nats.
    torch.testing.assert_close(float(total_correlation(*two)), math.log(64), atol=0.05, rtol=0)


def test_covariance_between_factors() -> None:
    one = torch.randn(50, 1, 2, 1, generator=torch.Generator().manual_seed(0))
    orthogonal = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]).reshape(4, 2, 1, 1)
    assert covariance_between(orthogonal) == 0
    assert covariance_between(torch.cat([one, one], 1)) > 1
    assert covariance_between(one) == 0


def test_white_noise_composes_and_the_printed_prior_does_not() -> None:
    half, whole = torch.tensor(0.5).double(), torch.tensor(1.0).double()
    move = torch.tensor([[1.0, 0.5], [0.0, 1.0]]).double()

    def twice(covariance: torch.Tensor) -> torch.Tensor:
        return move @ covariance @ move.T + covariance

    torch.testing.assert_close(
        twice(white_noise_covariance(0.7, half)), white_noise_covariance(0.7, whole)
    )
    printed = [seed_covariance((1.0, 1.0, 0.5), gap) for gap in (half, whole)]
    assert (twice(printed[0]) - printed[1]).abs().max() > 0.1


def test_the_penalty_of_constant_acceleration_is_its_energy() -> None:
    t = torch.tensor([0.0, 0.4, 1.5, 1.5, 3.0]).double()
    a = torch.tensor([0.3, -0.5]).double().reshape(1, 1, 1, 2)
    s, v = a * (t**2 / 2).reshape(1, 5, 1, 1), a * t.reshape(1, 5, 1, 1)
    gaps = t.diff()[None]
    penalty = transition_penalty(s, v, gaps, white_noise_covariance(0.2, gaps))
    torch.testing.assert_close(float(penalty), 0.5 * 3.0 * float(a.square().sum()) / 0.2)
    printed = transition_penalty(s, v, gaps, seed_covariance((2.0, 1.0, 0.0), gaps))
    steps = gaps[gaps > 0]  # r = (a Δ²/2, a Δ), Λ = ((2 Δ)², 0; 0, Δ²)
    expected = 0.5 * float(a.square().sum() * (steps.square() / 16 + 1).sum())
    torch.testing.assert_close(float(printed), expected)


@pytest.mark.parametrize('gammas', [(1.0, 1.0, 1.0), (1.0, 0.5, 0.8), (0.0, 1.0, 0.0)])
def test_a_prior_that_is_not_positive_definite_is_refused(gammas: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match='must be positive definite'):
        seed_covariance(gammas, torch.ones(1))
