# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labels by likeness of features, against the sum written out."""

import math

import pytest
import torch
from torch import Tensor

from siammcvae_core.errors import InputError
from siammcvae_core.propagation.affinity import PropagationSettings, Propagator

GRID = (3, 5)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def written_out(
    query: Tensor, memory: list[tuple[Tensor, Tensor]], settings: PropagationSettings
) -> Tensor:
    """Label every patch in plain Python."""
    labels = []
    for i, q in enumerate(query):
        found = []
        for age, (features, known) in enumerate(memory):
            for j, k in enumerate(features):
                far = math.dist(divmod(i, GRID[1]), divmod(j, GRID[1])) >= settings.radius
                if age == 0 or not far:
                    found.append((torch.cosine_similarity(q, k, dim=0).item(), known[j]))
        found.sort(key=lambda pair: -pair[0])
        found = found[: settings.topk]
        weights = [math.exp(likeness / settings.temperature) for likeness, _ in found]
        labels.append(sum(w * k for w, (_, k) in zip(weights, found, strict=True)) / sum(weights))
    return torch.stack(labels)


@pytest.mark.parametrize('topk', [1, 4])
def test_labels_are_those_of_the_most_alike_within_the_window(topk: int) -> None:
    settings = PropagationSettings(topk, queue=2, radius=1.5, temperature=0.3)
    features, labels = [random(15, 6, seed=i) for i in range(5)], random(15, 3, seed=9).abs()
    propagator = Propagator(features[0], labels, GRID, settings)
    memory = [(features[0], labels)]
    for now in features[1:]:
        expected = written_out(now, memory, settings)
        got = propagator.step(now)
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)
        # The first frame stays, of the others the last two.
        memory = [memory[0], *memory[1:][-1:], (now, got)]


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = [random(15, 6, seed=i) for i in range(3)], random(15, 3, seed=9)
    results = []
    for rows in (1024, 4):
        monkeypatch.setattr('siammcvae_core.propagation.affinity.ROWS', rows)
        propagator = Propagator(features[0], labels, GRID, PropagationSettings())
        results.append([propagator.step(f) for f in features[1:]])
    torch.testing.assert_close(*results)


def test_shares_stay_shares() -> None:
    shares = random(15, 4).softmax(1)
    propagator = Propagator(random(15, 6), shares, GRID, PropagationSettings())
    for i in range(4):
        carried = propagator.step(random(15, 6, seed=i))
        torch.testing.assert_close(carried.sum(1), torch.ones(15))
        assert carried.min() >= 0


@pytest.mark.parametrize(
    'change', [{'topk': 0}, {'queue': -1}, {'radius': 0.0}, {'temperature': 0.0}]
)
def test_senseless_settings_are_refused(change: dict) -> None:
    with pytest.raises(InputError, match=next(iter(change))):
        PropagationSettings(**change)
