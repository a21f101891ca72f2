# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Means by clip and over clips, and intervals that hold what they should."""

import numpy as np
import pytest

from siammcvae_core.data.pairs import Gap
from siammcvae_core.evaluate.clip_evaluation import ClipScores, Score
from siammcvae_core.evaluate.plan import EvaluationPlan
from siammcvae_core.evaluate.scores import METRICS
from siammcvae_core.evaluate.summary import overall, Row, summarise

PLAN = EvaluationPlan(('copy', 'paper'), ('full',), (Gap(1),), seeds=(5, 6))
CELL = {'mask': 'full', 'gap': '1', 'index': 0, 'seconds': 0.1, 'lost': 1.0, 'ms_observe': 0.0}


def results(values: np.ndarray, gain: float = 1.0) -> list[ClipScores]:
    """Return results with PSNR `values` (clips, seeds, images) for copy; paper has `gain` more."""
    scored = []
    for clip, by_seed in enumerate(values):
        for seed, images in enumerate(by_seed):
            scores = [
                Score(
                    method=method, ms=ms, values=dict.fromkeys(METRICS, float(psnr + more)), **CELL
                )
                for psnr in images
                for method, more, ms in (('copy', 0.0, 1.0), ('paper', gain, 7.0))
            ]
            scored.append(ClipScores(f'clip {clip}', seed, scores))
    return scored


def rows(values: np.ndarray, gain: float = 1.0) -> list[Row]:
    return summarise(PLAN, PLAN.methods, results(values, gain))


def test_images_are_averaged_in_a_clip_then_clips() -> None:
    values = np.array([[[10.0, 20.0], [30.0, 40.0]], [[1.0, 2.0], [3.0, 4.0]]])
    table = rows(values)
    assert [(row['method'], row['clip'], row['n']) for row in table] == [
        ('copy', 'all', 8), ('copy', 'clip 0', 4), ('copy', 'clip 1', 4),
        ('paper', 'all', 8), ('paper', 'clip 0', 4), ('paper', 'clip 1', 4),
    ]  # fmt: skip
    assert [row['psnr'] for row in table[:3]] == [13.75, 25.0, 2.5]
    assert [row['gap'] for row in table] == [1] * 6
    assert table[3]['ms'] == 7.0


def test_gain_is_paired() -> None:
    values = np.random.default_rng(0).normal(30, 9, (6, 2, 3))
    all_clips = overall(rows(values, gain=0.5))
    row = next(row for row in all_clips if row['method'] == 'paper')
    for key in ('gain_over_copy', 'gain_over_copy_low', 'gain_over_copy_high'):
        assert row[key] == pytest.approx(0.5)
    assert row['psnr_high'] - row['psnr_low'] > 2  # clips differ far more than that


def test_seed_spread_is_that_of_the_mean_over_clips() -> None:
    values = np.zeros((4, 2, 3))
    values[:, 1] = 2.0
    row = overall(rows(values))[0]
    assert row['psnr_seed_sd'] == pytest.approx(2**0.5)
    assert (row['psnr_low'], row['psnr_high']) == (0.0, 2.0)  # seeds are drawn anew too


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(40):
        clips = rng.normal(30, 3, (25, 1, 1)) + rng.normal(0, 1, (25, 2, 2))
        row = overall(rows(clips))[0]
        hits += row['psnr_low'] <= 30 <= row['psnr_high']
    assert 32 <= hits <= 40


def test_one_image_has_no_interval() -> None:
    plan = EvaluationPlan(('paper',), ('full',), (Gap(1),), seeds=(0,))
    scores = [Score(method='paper', ms=1.0, values=dict.fromkeys(METRICS, 9.0), **CELL)]
    for row in summarise(plan, plan.methods, [ClipScores('only', 0, scores)]):
        assert row['psnr'] == 9.0
        assert row['psnr_low'] is None
        assert row['gain_over_copy'] is None
        assert row['psnr_seed_sd'] is None
