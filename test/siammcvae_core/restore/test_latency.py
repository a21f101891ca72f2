# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the model takes is learned, and a busy spell forgotten."""

import pytest

from siammcvae_core.restore.latency import Pace


def test_what_was_never_seen_is_tried():
    assert Pace().expected(0.5) == 0


def test_it_follows_what_it_sees():
    pace = Pace()
    pace.learn(0.5, 0.1)
    assert pace.expected(0.5) == pytest.approx(0.1)
    for _ in range(30):
        pace.learn(0.5, 0.02)
    assert pace.expected(0.5) == pytest.approx(0.02, rel=0.01)


def test_little_damage_is_apart_from_much():
    pace = Pace()
    pace.learn(0.9, 0.1)
    pace.learn(0.01, 0.01)
    assert pace.expected(1.0) == pytest.approx(0.1)
    assert pace.expected(0.015) == pytest.approx(0.01)
    assert pace.expected(0.3) == 0


def test_an_expectation_that_is_never_checked_fades():
    pace = Pace()
    pace.learn(0.5, 0.1)
    for _ in range(200):
        pace.forgive(0.5)
    assert 0 < pace.expected(0.5) < 0.05
