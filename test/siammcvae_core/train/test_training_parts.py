# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Schedules, weight decay, averaged weights, and statistics of the latent."""

import pytest

pytest.importorskip('accelerate', reason='accelerate is not installed')

import torch
from torch import nn

from siammcvae_core.errors import InputError, WeightsError
from siammcvae_core.train.catalogue import build_system
from siammcvae_core.train.ema import WeightAverage
from siammcvae_core.train.latents import LatentStatistics
from siammcvae_core.train.optimiser import annealing, build_optimiser, learning_rate
from siammcvae_core.train.system import Batch


class Alone:
    """Stands for an accelerator of one process."""

    def reduce(self, tensor: torch.Tensor, how: str) -> torch.Tensor:
        return tensor


def test_learning_rate_rises_then_falls_along_a_cosine(config):
    run = config(steps=100, warmup=0.1, lr=1.0, min_lr=0.1)
    rates = [learning_rate(step, run) for step in range(100)]
    assert rates[0] == pytest.approx(1 / 11)
    assert rates[9] == pytest.approx(10 / 11)
    assert rates[10] == 1
    assert rates[55] == pytest.approx(0.55)
    assert 0.1 < rates[99] < 0.102
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_kl_weight_is_warmed_up(config):
    run = config(steps=100, beta_warmup=0.2)
    assert [annealing(step, run) for step in (0, 5, 20, 99)] == [0, 0.25, 1, 1]
    assert annealing(0, config(beta_warmup=0.0)) == 0
    assert annealing(1, config(beta_warmup=0.0)) == 1


def test_only_matrices_decay(config):
    network = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    decaying, other = build_optimiser(network, config(weight_decay=0.3)).param_groups
    assert [p.shape for p in decaying['params']] == [(2, 3)]
    assert len(other['params']) == 3
    assert (decaying['weight_decay'], other['weight_decay']) == (0.3, 0)
    assert decaying['betas'] == (0.9, 0.95)


def test_average_follows_the_weights():
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    average = WeightAverage(network, decay=0.5)
    nn.init.ones_(network.weight)
    average.update(network, step=0)  # decays by 0.1 at first
    assert float(average.system.weight) == pytest.approx(0.9)
    for step in range(100, 103):
        average.update(network, step)
    assert float(average.system.weight) == pytest.approx(1 - 0.1 * 0.5**3)
    assert not average.system.weight.requires_grad
    assert not average.system.training


def test_decay_of_zero_is_the_weights_themselves():
    network = nn.Linear(2, 2)
    average = WeightAverage(network, decay=0.0)
    nn.init.ones_(network.weight)
    average.update(network, step=5)
    assert torch.equal(average.system.weight, network.weight)


def test_kl_and_active_units_of_a_latent_half_collapsed():
    torch.manual_seed(0)
    statistics = LatentStatistics()
    place = torch.arange(5.0)[None, :, None]  # differs by token only: tells nothing of the data
    for _ in range(4):
        mean = torch.cat([2 * torch.randn(16, 5, 1), torch.zeros(16, 5, 1), 0 * mean_of(place)], 2)
        mean[..., 2:] += place
        statistics.add(mean, torch.zeros_like(mean))
    kl, active = statistics.summarise(Alone())
    assert active == pytest.approx(1 / 3)
    assert kl[0] == pytest.approx(2, rel=0.2)  # mean² / 2 with mean² = 4
    assert kl[1] == 0
    assert kl[2] == pytest.approx((0 + 1 + 4 + 9 + 16) / 5 / 2)


def mean_of(place: torch.Tensor) -> torch.Tensor:
    return place.expand(16, 5, 1)


def test_kl_of_a_narrow_posterior_is_that_of_the_formula():
    statistics = LatentStatistics()
    log_var = torch.full((2, 3, 1), -4.0)
    statistics.add(torch.full((2, 3, 1), 0.5), log_var)
    (kl,), active = statistics.summarise(Alone())
    posterior = torch.distributions.Normal(0.5, float(torch.tensor(-2.0).exp()))
    prior = torch.distributions.Normal(0.0, 1.0)
    assert float(kl) == pytest.approx(float(torch.distributions.kl_divergence(posterior, prior)))
    assert active == 0


def test_no_latent_is_no_statistics():
    assert LatentStatistics().summarise(Alone()) is None


@pytest.fixture
def batch() -> Batch:
    torch.manual_seed(1)
    frames = torch.randint(0, 256, (2, 2, 3, 32, 48), dtype=torch.uint8)
    lost = torch.rand(2, 24) < 0.5
    return Batch(frames[:, :1], frames[:, 1], lost, torch.ones(2, 1), lost[:, None] & False)


def test_siammcvae_anneals_its_kl_and_leaves_visible_pixels(config, batch):
    torch.manual_seed(0)
    system = build_system('siammcvae', 'tiny', config().profile_changes).eval()
    system.requires_grad_(False)
    cold, warm = system(batch, 0.0), system(batch, 0.5)
    assert cold['loss'] == cold['reconstruction']
    torch.testing.assert_close(warm['loss'], warm['reconstruction'] + 0.5 * 0.2 * warm['kl'])
    evaluation = system.evaluate(batch)
    assert evaluation.restored.dtype == torch.uint8
    cells = batch.lost.reshape(2, 1, 4, 6).repeat_interleave(8, 2).repeat_interleave(8, 3)
    visible = ~cells.expand_as(batch.target)
    assert torch.equal(evaluation.restored[visible], batch.target[visible])
    assert not torch.equal(evaluation.restored, batch.target)
    assert evaluation.losses['loss'] == system(batch, 1.0)['loss']
    assert evaluation.mean.shape == (2, 25, 16)


def test_weights_are_saved_and_loaded(config, batch, tmp_path):
    system, other = (build_system('siammcvae', 'tiny', config().profile_changes) for _ in range(2))
    system.save(tmp_path / 'weights.safetensors')
    other.load(tmp_path / 'weights.safetensors')
    both = [s.eval().evaluate(batch).restored for s in (system, other)]
    assert torch.equal(*both)
    wider = build_system('siammcvae', 'tiny', {**config().profile_changes, 'width': 64})
    with pytest.raises(WeightsError, match=r'width=32.*expected.*width=64'):
        wider.load(tmp_path / 'weights.safetensors')


def test_unknown_systems_and_profiles_are_named():
    with pytest.raises(InputError, match=r"no system 'siamcvae'.*did you mean 'siammcvae'"):
        build_system('siamcvae', 'tiny', {})
    with pytest.raises(InputError, match="no profile 'vit_x'; there are"):
        build_system('siammcvae', 'vit_x', {})
    with pytest.raises(InputError, match='a profile has no widht'):
        build_system('siammcvae', 'tiny', {'widht': 8})
