# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The state at one time is the Gaussian that brute-force conditioning gives."""

import pytest
import torch

from siammcvae_core.baselines.smoother import posterior

DEVIATIONS = torch.tensor([1.0, 0.3, 0.1], dtype=torch.float64)


def integrated_noise(times: torch.Tensor, order: int) -> torch.Tensor:
    """Sum the covariance of noise integrated once or twice, each side by itself, finely."""
    fine = torch.linspace(0, 5, 20001, dtype=torch.float64)
    middle = (fine[1:] + fine[:-1]) / 2
    weights = (times.abs()[:, None] - middle).clamp(min=0)  # ∫ (τ - u) dW(u)
    if order == 1:
        weights = (weights > 0).double()
    same_side = times[:, None] * times[None] > 0
    return (weights @ weights.T) * (fine[1] - fine[0]) * same_side


@pytest.mark.parametrize('count', [1, 2, 3])
def test_it_is_gaussian_conditioning(count: int) -> None:
    generator = torch.Generator().manual_seed(0)
    times = torch.tensor([-2.3, 1.1, 0.0, -0.7, 3.0], dtype=torch.float64)
    observed = torch.tensor([True, True, True, False, True])
    codes = torch.randn(5, 1, generator=generator, dtype=torch.float64)
    variances = torch.rand(5, 1, generator=generator, dtype=torch.float64) + 0.1
    noise = torch.tensor([0.4], dtype=torch.float64)
    deviations = DEVIATIONS[:count]
    mean, covariance = posterior(
        times[None], codes[None], variances[None], observed[None], deviations, noise
    )
    # The joint Gaussian of the state and all codes, then the conditional of the state.
    design = torch.stack([torch.ones_like(times), times, times**2 / 2], 1)[observed, :count]
    kernel = integrated_noise(times[observed], 1 if count == 1 else 2)
    prior = torch.diag(deviations**2)
    joint = design @ prior @ design.T + noise**2 * kernel + torch.diag(variances[observed, 0])
    gain = prior @ design.T @ torch.linalg.inv(joint)
    expected = gain @ codes[observed, 0]
    torch.testing.assert_close(mean[0, 0], expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        covariance[0, 0], prior - gain @ design @ prior, atol=1e-4, rtol=1e-4
    )


def test_one_frame_says_nothing_of_velocity_and_acceleration() -> None:
    mean, covariance = posterior(
        torch.zeros(1, 1), torch.full((1, 1, 1), 2.0), torch.full((1, 1, 1), 1.0),
        torch.ones(1, 1, dtype=torch.bool), DEVIATIONS.float(), torch.ones(1),
    )  # fmt: skip
    torch.testing.assert_close(mean[0, 0], torch.tensor([1.0, 0.0, 0.0]))
    torch.testing.assert_close(covariance[0, 0].diagonal(), torch.tensor([0.5, 0.09, 0.01]))


def test_more_noise_on_a_frame_counts_less() -> None:
    times = torch.tensor([[-1.0, 0.0]])
    codes = torch.tensor([[[0.0], [1.0]]])
    means = [
        posterior(
            times, codes, torch.tensor([[[0.1], [r]]]), torch.ones(1, 2, dtype=torch.bool),
            DEVIATIONS.float(), torch.full((1,), 0.1),
        )[0][0, 0, 0]
        for r in (0.1, 10.0)
    ]  # fmt: skip
    assert means[1] < 0.2 < 0.5 < means[0]
