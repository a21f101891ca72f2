# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The latency estimate follows measurements, and decays while it keeps the model from running."""

import pytest

from siammcvae_core.restore.latency import LatencyEstimate


def test_a_share_without_measurement_is_estimated_at_zero():
    assert LatencyEstimate().expected(0.5) == 0


def test_it_follows_the_measurements():
    latency = LatencyEstimate()
    latency.update(0.5, 0.1)
    assert latency.expected(0.5) == pytest.approx(0.1)
    for _ in range(30):
        latency.update(0.5, 0.02)
    assert latency.expected(0.5) == pytest.approx(0.02, rel=0.01)


def test_small_and_large_shares_have_their_own_estimates():
    latency = LatencyEstimate()
    latency.update(0.9, 0.1)
    latency.update(0.01, 0.01)
    assert latency.expected(1.0) == pytest.approx(0.1)
    assert latency.expected(0.015) == pytest.approx(0.01)
    assert latency.expected(0.3) == 0


def test_an_estimate_decays_while_the_model_does_not_run():
    latency = LatencyEstimate()
    latency.update(0.5, 0.1)
    for _ in range(200):
        latency.decay(0.5)
    assert 0 < latency.expected(0.5) < 0.05
