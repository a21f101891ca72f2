# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""All methods on the cases of one clip and seed: the unit of work of an evaluation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
import time

import numpy as np

from siammcvae_core.baselines.classical import UPPER_BOUNDS
from siammcvae_core.data.layouts import Clip
from siammcvae_core.data.sources import open_source
from siammcvae_core.engines import Restoration
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.evaluate.calibration import Honesty
from siammcvae_core.evaluate.methods import Contestant, load, Method
from siammcvae_core.evaluate.pictures import Attempt, Duel, hardest, Picture, picture_of
from siammcvae_core.evaluate.plan import Plan
from siammcvae_core.evaluate.samples import Case, choose_frames, draw_cases
from siammcvae_core.evaluate.scores import score, Truth
from siammcvae_core.frames import paste
from siammcvae_core.motion.references import KeptFrame, References

MILLI = 1e3


@dataclass(frozen=True)
class Task:
    """One clip with the seed of this position in the plan; `pictured` keeps pictures of it."""

    plan: Plan
    methods: tuple[Method, ...]
    clip: Clip
    seed_number: int
    pictured: bool
    topic: str = ''


@dataclass(frozen=True)
class Score:
    """What a method made of one case; `values` by the names of METRICS."""

    method: str
    mask: str
    gap: str
    index: int
    seconds: float
    lost: float
    ms: float
    ms_observe: float
    values: dict[str, float]


@dataclass
class Outcome:
    """What came of a task; `skipped` says why a clip gave nothing, `broken` why it ended early.

    `hardest` is the case in which the first method with weights gained least on the others.
    """

    clip: str
    seed_number: int
    scores: list[Score] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    hardest: Duel | None = None
    honesty: dict[str, Honesty] = field(default_factory=dict)
    skipped: str = ''
    broken: str = ''


def contest(task: Task, count: Callable[[int], None]) -> Outcome:
    """Score every method of the task, telling `count` of each frame restored."""
    plan, clip = task.plan, task.clip.name
    outcome = Outcome(clip, task.seed_number)
    seed = plan.seeds[task.seed_number]
    model = next((method.name for method in task.methods if method.runs), None)
    try:
        source = open_source(task.clip.path, task.topic)
        chosen = choose_frames(source, clip, plan.gaps, seed, plan.samples)
        outcome.broken = source.broken
    except SourceError as error:
        outcome.skipped = str(error)
        return outcome
    truth = Truth(np.empty(0))
    for case in draw_cases(source, clip, chosen, plan.masks, plan.gaps, plan.size, seed):
        if not np.array_equal(truth.frame, case.truth):
            truth = Truth(case.truth)
        attempts = []
        for method in task.methods:
            made, ms, ms_observe = _restored(case, method, method.run(task.seed_number), clip)
            pasted = paste(case.frame, made.frame, case.mask)
            values = score(pasted, truth, case.mask)
            place = (method.name, case.mask_spec, str(case.gap), case.index, case.seconds)
            outcome.scores.append(Score(*place, float(case.mask.mean()), ms, ms_observe, values))
            if made.expected_error is not None:
                counted = outcome.honesty.setdefault(method.name, Honesty())
                told = made.expected_error()
                counted.add(told, case.seconds, pasted, case.truth, case.mask)
            attempts.append(Attempt(method.name, pasted, values['psnr_lost']))
            count(1)
        if task.pictured and case.index == chosen[0]:
            outcome.pictures.append(picture_of(clip, case, attempts))
        if model is not None:
            outcome.hardest = hardest(model, clip, case, attempts, outcome.hardest)
    return outcome


def probe(methods: Sequence[Method], size: tuple[int, int]) -> dict[str, str]:
    """Load every training run and restore a made-up frame; gives by method why it cannot serve."""
    refused = {}
    for method in methods:
        try:
            for weights in dict.fromkeys(method.runs):
                _ready(method, weights, size)
        except InputError as error:
            refused[method.name] = str(error)
    return refused


def _restored(
    case: Case, method: Method, weights: Path | None, clip: str
) -> tuple[Restoration, float, float]:
    """Restore a case; gives what was made, and the milliseconds to restore and to observe."""
    contestant = _ready(method, weights, (case.truth.shape[0], case.truth.shape[1]))
    frame = case.truth if method.base in UPPER_BOUNDS else case.frame
    try:
        return _timed(contestant, case.references(), frame, case.mask, case.stamp)
    except InputError:
        raise
    except Exception as error:
        where = f'{clip}, frame {case.index}, {case.mask_spec}, gap {case.gap}'
        what = f'{type(error).__name__}: {error}'
        raise InputError(f'{method.name} failed on {where}: {what}') from error


@cache
def _ready(method: Method, weights: Path | None, size: tuple[int, int]) -> Contestant:
    """Load a method and let it restore a made-up frame, so that the first real one is not slow."""
    contestant = load(method, weights)
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    mask = np.zeros(size, bool)
    mask[: size[0] // 2] = True
    references = References((KeptFrame(frame, 0.0), KeptFrame(frame.copy(), -1.0)))
    _timed(contestant, references, frame, mask, 1.0)
    return contestant


def _timed(
    contestant: Contestant,
    references: References,
    frame: np.ndarray,
    mask: np.ndarray,
    stamp: float,
) -> tuple[Restoration, float, float]:
    begun = time.perf_counter()
    observed = contestant.observe(references)
    kept = time.perf_counter()
    made = contestant.restore(observed, frame, mask, stamp)
    return made, (time.perf_counter() - kept) * MILLI, (kept - begun) * MILLI
