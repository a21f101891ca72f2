# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The loss against torch.distributions and against the equations worked by hand."""

from dataclasses import replace
import math

import pytest
import torch
from torch.distributions import kl_divergence, Normal

from siammcvae_core.model import losses
from siammcvae_core.model.profiles import get_profile, Profile
from siammcvae_core.model.siammcvae import RestorationTensors


def test_kl_is_that_of_torch_distributions() -> None:
    mean, log_var = torch.randn(2, 3, 5, 8, generator=torch.Generator().manual_seed(0))
    expected = kl_divergence(Normal(mean, (log_var / 2).exp()), Normal(0, 1)).mean()
    torch.testing.assert_close(losses.kl_divergence(mean, log_var), expected)


def test_kl_is_zero_at_the_prior_only() -> None:
    zero = torch.zeros(1, 5, 8)
    assert losses.kl_divergence(zero, zero) == 0
    assert losses.kl_divergence(zero, zero + 0.1) > 0
    assert losses.kl_divergence(zero, zero - 0.1) > 0


def test_printed_kl_is_equation_20_and_lowest_beside_the_prior() -> None:
    mean, sigma = torch.tensor([[[0.5, -1.0]]]), torch.tensor([[[2.0, 0.5]]])
    by_hand = (0.25 + 1 + 4 + 0.25 - math.log(2) - math.log(0.5)) / (2 * 1 * 2) - 0.5
    assert losses.paper_kl(mean, 2 * sigma.log()).item() == pytest.approx(by_hand)
    at_half = losses.paper_kl(torch.zeros(1, 1, 1), torch.full((1, 1, 1), math.log(0.5)))
    assert at_half.item() == pytest.approx(-0.0767, abs=1e-4)


def test_reconstruction_counts_lost_patches_per_image() -> None:
    target = torch.zeros(3, 2, 4)
    patches = torch.tensor([[3.0, 100.0], [1.0, 5.0], [7.0, 7.0]])[..., None].expand(-1, -1, 4)
    lost = torch.tensor([[True, False], [True, True], [False, False]])
    # Per image: 9; (1 + 25) / 2; nothing lost.
    expected = (9 + 13 + 0) / 3
    assert losses.reconstruction_loss(patches, target, lost).item() == pytest.approx(expected)


def posterior(profile: Profile) -> tuple[RestorationTensors, torch.Tensor, torch.Tensor]:
    patches, lost = torch.full((1, 2, 4), 2.0), torch.tensor([[True, False]])
    log_var = torch.zeros(1, 3, 8) if profile.reparameterise else None
    return (
        RestorationTensors(patches, torch.ones(1, 3, 8), log_var, (1, 2)),
        torch.zeros(1, 2, 4),
        lost,
    )


def test_total_weighs_kl_by_beta() -> None:
    profile = get_profile('tiny', beta=0.3)
    args = posterior(profile)
    loss = losses.siammcvae_loss(*args, profile)
    assert (loss.reconstruction.item(), loss.kl.item()) == (4.0, 0.5)
    assert loss.total.item() == pytest.approx(4.0 + 0.3 * 0.5)
    warm = losses.siammcvae_loss(*args, profile, beta=0.0)
    assert warm.total.item() == 4.0


def test_paper_kl_is_chosen_by_the_profile() -> None:
    profile = get_profile('tiny')
    restored, target, lost = posterior(profile)
    restored = replace(restored, log_var=torch.ones(1, 3, 8))
    exact = losses.siammcvae_loss(restored, target, lost, profile).kl
    printed = losses.siammcvae_loss(restored, target, lost, replace(profile, paper_kl=True)).kl
    assert printed.item() - exact.item() == pytest.approx(0.25)


def test_no_kl_without_reparameterisation() -> None:
    profile = get_profile('tiny', reparameterise=False)
    loss = losses.siammcvae_loss(*posterior(profile), profile)
    assert (loss.total.item(), loss.kl.item()) == (4.0, 0.0)


def test_losses_over_pixels_look_at_the_mask_only_and_vanish_at_the_truth() -> None:
    torch.manual_seed(0)
    mask = torch.zeros(2, 1, 8, 12)
    mask[:, :, 2:6, 3:9] = 1
    wrong = torch.randn(2, 3, 8, 12)
    for loss in (losses.charbonnier, losses.gradient_error, losses.focal_frequency):
        nothing = loss(torch.zeros_like(wrong), mask)
        assert nothing < 0.3
        assert loss(wrong * (1 - mask), mask) == pytest.approx(nothing.item(), abs=1e-6)
        assert loss(10 * wrong, mask) > nothing + 1
    assert losses.charbonnier(torch.full_like(wrong, 3.0), mask) == pytest.approx(3, abs=0.02)
    ramp = torch.arange(12.0).expand(2, 3, 8, 12)
    assert losses.gradient_error(ramp, mask) == pytest.approx(1)


def test_smoothness_lets_flow_jump_at_edges() -> None:
    flow = torch.zeros(1, 2, 8, 8)
    flow[..., 4:] = 1
    flat, edge = torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)
    edge[..., 4:] = 100
    assert losses.smoothness(torch.ones_like(flow), flat) == 0
    assert losses.smoothness(flow, edge) < 0.01 * losses.smoothness(flow, flat)
