# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recall, precision and F1 of the objects found in restored frames, with bootstrap intervals.

recall = found again / objects,  precision = correct / detections,  F1 = their harmonic mean
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import astuple

import numpy as np

from siammcvae_core.baselines.classical import UPPER_BOUNDS
from siammcvae_core.evaluate.clip_evaluation import ClipScores
from siammcvae_core.evaluate.plan import CLASSICAL
from siammcvae_core.evaluate.summary import ALL, RESAMPLES, Row, TAILS

RATIOS = ('recall', 'precision', 'f1')

Key = tuple[str, str, str, str]
"""Method, mask spec, gap and clip."""


def object_columns(results: Iterable[ClipScores]) -> dict[Key, Row]:
    """Return `objects` and RATIOS for every clip and, as clip ALL, for all; {} without a detector.

    Ratios are over all objects of all frames and seeds together. For ALL, `<ratio>_low` and
    `_high` bound 95 % of the ratios of clips drawn anew, and `<ratio>_gain` is the difference to
    the classical method of the highest recall in that cell, from the same draws.
    """
    cells: dict[tuple[str, str], dict[str, dict[str, np.ndarray]]] = defaultdict(dict)
    for result in results:
        for score in result.scores:
            if score.objects is not None:
                clips = cells[score.mask, score.gap].setdefault(score.method, {})
                clips.setdefault(result.clip, np.zeros(4, int))
                clips[result.clip] += astuple(score.objects)
    columns: dict[Key, Row] = {}
    for (mask, gap), methods in cells.items():
        best = _best_baseline(methods)
        for method, clips in methods.items():
            for clip, counts in clips.items():
                columns[method, mask, gap, clip] = _columns(counts)
            total = _with_intervals(clips, methods.get(best))
            columns[method, mask, gap, ALL] = _columns(np.sum(list(clips.values()), axis=0)) | total
    return columns


def _best_baseline(methods: dict[str, dict[str, np.ndarray]]) -> str:
    """Name the classical method with the highest recall, upper bounds aside; '' without one."""
    found = {
        method: int(np.sum(list(clips.values()), axis=0)[1])
        for method, clips in methods.items()
        if method in CLASSICAL and method not in UPPER_BOUNDS
    }
    return max(found, key=found.__getitem__, default='')


def _columns(counts: np.ndarray) -> Row:
    return {'objects': int(counts[0])} | _named('{}', _ratios(counts))


def _with_intervals(clips: dict[str, np.ndarray], best: dict[str, np.ndarray] | None) -> Row:
    """Bound the ratios of all clips, and those of the gain on the best baseline."""
    count = len(clips)
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    table = np.array(list(clips.values()))  # (clips, 4)
    drawn_ratios = _ratios(drawn @ table)  # (RESAMPLES, 3)
    columns = _bounds('{}', drawn_ratios, count)
    if best is None:
        return columns
    others = np.array([best[clip] for clip in clips])
    gain = _ratios(table.sum(0)) - _ratios(others.sum(0))
    columns |= _named('{}_gain', gain)
    return columns | _bounds('{}_gain', drawn_ratios - _ratios(drawn @ others), count)


def _ratios(counts: np.ndarray) -> np.ndarray:
    """Compute RATIOS from ObjectCounts, (…, 4); (…, 3), NaN where nothing is counted."""
    objects, found, detections, correct = np.moveaxis(np.asarray(counts, float), -1, 0)
    with np.errstate(invalid='ignore', divide='ignore'):
        recall, precision = found / objects, correct / detections
        f1 = 2 * precision * recall / (precision + recall)
    return np.stack([recall, precision, f1], axis=-1)


def _bounds(form: str, drawn: np.ndarray, clips: int) -> Row:
    low, high = np.full((2, len(RATIOS)), np.nan)
    for number, values in enumerate(drawn.T):
        known = values[~np.isnan(values)]
        if clips > 1 and known.size:
            low[number], high[number] = np.percentile(known, TAILS)
    return _named(form + '_low', low) | _named(form + '_high', high)


def _named(form: str, values: np.ndarray) -> Row:
    return {
        form.format(name): None if np.isnan(value) else float(value)
        for name, value in zip(RATIOS, values, strict=True)
    }
