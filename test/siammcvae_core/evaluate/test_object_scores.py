# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recall, precision and F1 over clips, their intervals, and the gain on the best baseline."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from siammcvae_core.evaluate.clip_evaluation import ClipScores, Score
from siammcvae_core.evaluate.findings import ObjectCounts
from siammcvae_core.evaluate.object_scores import object_columns
from siammcvae_core.evaluate.summary import ALL

CELL = {
    'mask': 'full', 'gap': '4', 'index': 0, 'seconds': 0.1, 'lost': 1.0, 'ms': 1.0,
    'ms_observe': 0.0,
}  # fmt: skip


def results(**counts: Iterable[tuple[int, int, int, int]]) -> list[ClipScores]:
    """Return results of one frame per clip; by method the counts of every clip."""
    clips: list[ClipScores] = []
    for method, by_clip in counts.items():
        for number, numbers in enumerate(by_clip):
            if number == len(clips):
                clips.append(ClipScores(f'clip {number}', 0))
            score = Score(method=method, values={}, objects=ObjectCounts(*numbers), **CELL)
            clips[number].scores.append(score)
    return clips


def columns(*results: ClipScores, method: str = 'drive', clip: str = ALL) -> dict[str, Any]:
    return object_columns(results)[method, 'full', '4', clip]


def test_ratios_are_over_all_objects_together() -> None:
    scored = results(drive=[(9, 9, 10, 8), (1, 0, 0, 0)])
    total = columns(*scored)
    assert total['objects'] == 10
    assert (total['recall'], total['precision']) == (0.9, 0.8)
    assert total['f1'] == pytest.approx(2 * 0.9 * 0.8 / 1.7)
    lacking = columns(*scored, clip='clip 1')
    assert (lacking['objects'], lacking['recall'], lacking['precision']) == (1, 0.0, None)


def test_seeds_of_a_clip_are_added() -> None:
    first, second = results(drive=[(4, 4, 4, 4)])[0], results(drive=[(4, 0, 0, 0)])[0]
    assert columns(first, second, clip='clip 0')['recall'] == 0.5
    assert columns(first, second)['recall_low'] is None  # one clip


def test_gain_is_on_the_best_classical_method_and_paired() -> None:
    clips = [(10, n, 10, 10) for n in (1, 5, 9, 3)]
    better = [(10, n + 1, 10, 10) for n in (1, 5, 9, 3)]
    scored = results(
        copy=[(10, 0, 10, 0)] * 4, block_match=clips, oracle=[(10, 10, 10, 10)] * 4, drive=better
    )
    row = columns(*scored)
    for key in ('recall_gain', 'recall_gain_low', 'recall_gain_high'):
        assert row[key] == pytest.approx(0.1)
    assert row['recall_high'] - row['recall_low'] > 0.2  # clips differ more than that
    assert columns(*scored, method='block_match')['recall_gain'] == 0
    assert 'recall_gain' not in columns(*results(drive=better))


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rng, covered = np.random.default_rng(1), 0
    for _ in range(200):
        found = rng.binomial(20, rng.beta(8, 2, 30))  # a mean of 0.8
        row = columns(*results(drive=[(20, int(n), 20, 20) for n in found]))
        covered += row['recall_low'] <= 0.8 <= row['recall_high']
    assert 0.9 <= covered / 200 <= 0.985


def test_without_a_detector_there_are_no_columns() -> None:
    scored = results(drive=[(1, 1, 1, 1)])
    plain = [Score(method='copy', values={}, **CELL)]
    assert object_columns([ClipScores('a', 0, plain)]) == {}
    assert object_columns(scored)
