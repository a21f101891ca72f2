# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the model takes is learned, and a busy spell forgotten."""

import pytest

from siammcvae_core.restore.latency import LatencyEstimate


def test_what_was_never_seen_is_tried():
    assert LatencyEstimate().expected(0.5) == 0


def test_it_follows_what_it_sees():
    latency = LatencyEstimate()
    latency.learn(0.5, 0.1)
    assert latency.expected(0.5) == pytest.approx(0.1)
    for _ in range(30):
        latency.learn(0.5, 0.02)
    assert latency.expected(0.5) == pytest.approx(0.02, rel=0.01)


def test_little_damage_is_apart_from_much():
    latency = LatencyEstimate()
    latency.learn(0.9, 0.1)
    latency.learn(0.01, 0.01)
    assert latency.expected(1.0) == pytest.approx(0.1)
    assert latency.expected(0.015) == pytest.approx(0.01)
    assert latency.expected(0.3) == 0


def test_an_expectation_that_is_never_checked_fades():
    latency = LatencyEstimate()
    latency.learn(0.5, 0.1)
    for _ in range(200):
        latency.forgive(0.5)
    assert 0 < latency.expected(0.5) < 0.05
