# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rows of the report: means by clip and over clips, with bootstrap intervals."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from siammcvae_core.evaluate.clip_evaluation import ClipScores, Score
from siammcvae_core.evaluate.plan import EvaluationPlan, spec_of
from siammcvae_core.evaluate.scores import METRICS
from siammcvae_core.faults.masks import parse_fault

ALL = 'all'
RESAMPLES = 2000
TAILS = (2.5, 97.5)  # percent: 95 % intervals
BASELINE, GAIN = 'copy', 'gain_over_copy'
INTERVALS = (*METRICS, GAIN)

Row = dict[str, Any]
Cell = tuple[str, str, str]
"""EvaluatedMethod, mask spec and gap."""


def summarise(
    plan: EvaluationPlan, methods: Sequence[str], results: Iterable[ClipScores]
) -> list[Row]:
    """Compute the rows: per method, mask and gap one for all clips and one per clip.

    A clip's row is the mean over its images, of all seeds; `all` is the mean over clips.
    `<metric>_low` and `_high` bound 95 % of the means of resampled data: for a clip its images are
    drawn anew, for all clips the clips and, crossed with them, the seeds. `psnr_seed_sd` is the
    standard deviation of the mean over clips from seed to seed. `gain_over_copy` is by
    `psnr_lost`, image by image. `ms` are medians of a clip.
    """
    scores_of: dict[Cell, dict[str, dict[int, list[Score]]]] = defaultdict(dict)
    for result in results:
        for score in result.scores:
            by_clip = scores_of[score.method, score.mask, score.gap]
            by_clip.setdefault(result.clip, {}).setdefault(result.seed_number, []).append(score)
    rows = []
    for mask in plan.masks:
        for gap in map(str, plan.gaps):
            baseline = scores_of.get((BASELINE, mask, gap))
            for method in methods:
                rows += _rows((method, mask, gap), scores_of[method, mask, gap], baseline)
    return rows


def overall(rows: Iterable[Row], mask: str | None = None, gap: Any = None) -> list[Row]:
    """Pick the rows over all clips, of one mask spec and gap if given."""
    return [
        row
        for row in rows
        if row['clip'] == ALL
        and mask in (None, spec_of(row['mask'], row['ratio']))
        and gap in (None, row['gap'])
    ]


def _rows(
    cell: Cell,
    clips: dict[str, dict[int, list[Score]]],
    baseline: dict[str, dict[int, list[Score]]] | None,
) -> list[Row]:
    # (clips, seeds, images, metrics); every clip has as many images for every seed.
    tables = {}
    for clip, by_seed in clips.items():
        table = np.array([[_values(score) for score in scores] for scores in by_seed.values()])
        gain = np.full(table.shape[:2], np.nan)
        if baseline is not None:
            column = METRICS.index('psnr_lost')
            copied = [[s.values['psnr_lost'] for s in scores] for scores in baseline[clip].values()]
            gain = table[:, :, column] - np.array(copied)
        tables[clip] = np.concatenate([table, gain[:, :, None]], axis=2)
    rows = [_row(cell, clip, clips[clip], tables[clip]) for clip in clips]
    return [_row_of_all(cell, rows, np.array([t.mean(axis=1) for t in tables.values()])), *rows]


def _values(score: Score) -> list[float]:
    return [score.values[metric] for metric in METRICS]


def _row(cell: Cell, clip: str, by_seed: dict[int, list[Score]], table: np.ndarray) -> Row:
    scores = [score for scores in by_seed.values() for score in scores]
    images = table.reshape(-1, table.shape[-1])
    drawn = np.random.default_rng(0).multinomial(len(images), _even(len(images)), RESAMPLES)
    resampled = drawn @ images / len(images)
    row = _head(cell, clip, len(scores), 1, len(by_seed))
    row |= {
        'seconds': float(np.mean([score.seconds for score in scores])),
        'lost': float(np.mean([score.lost for score in scores])),
        'ms': float(np.median([score.ms for score in scores])),
        'ms_observe': float(np.median([score.ms_observe for score in scores])),
    }
    return (
        row
        | _with_intervals(images.mean(axis=0), resampled, len(images) > 1)
        | {'psnr_seed_sd': None}
    )


def _row_of_all(cell: Cell, clips: Sequence[Row], table: np.ndarray) -> Row:
    """Sum up the rows of clips; `table` is (clips, seeds, metrics)."""
    count, seeds = table.shape[:2]
    rng = np.random.default_rng(0)
    by_clip = rng.multinomial(count, _even(count), RESAMPLES) / count
    by_seed = rng.multinomial(seeds, _even(seeds), RESAMPLES) / seeds
    resampled = np.einsum('bc,bs,csm->bm', by_clip, by_seed, table)
    row = _head(cell, ALL, sum(row['n'] for row in clips), count, seeds)
    row |= {
        name: float(np.mean([row[name] for row in clips]))
        for name in ('seconds', 'lost', 'ms', 'ms_observe')
    }
    row |= _with_intervals(table.mean(axis=(0, 1)), resampled, count * seeds > 1)
    seeds_apart = table[:, :, METRICS.index('psnr')].mean(axis=0)
    return row | {'psnr_seed_sd': float(seeds_apart.std(ddof=1)) if seeds > 1 else None}


def _head(cell: Cell, clip: str, n: int, clips: int, seeds: int) -> Row:
    method, spec, gap = cell
    mask, ratio = parse_fault(spec)
    return {
        'method': method, 'mask': mask, 'ratio': ratio, 'gap': int(gap) if gap.isdigit() else gap,
        'clip': clip, 'n': n, 'clips': clips, 'seeds': seeds,
    }  # fmt: skip


def _with_intervals(means: np.ndarray, resampled: np.ndarray, bounded: bool) -> Row:
    row: Row = {name: _or_none(value) for name, value in zip(INTERVALS, means, strict=True)}
    low, high = np.percentile(resampled, TAILS, axis=0)
    for name, *bounds in zip(INTERVALS, low, high, strict=True):
        for end, bound in zip(('low', 'high'), bounds, strict=True):
            row[f'{name}_{end}'] = _or_none(bound) if bounded else None
    return row


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _even(count: int) -> np.ndarray:
    return np.full(count, 1 / count)
