# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every method on the damaged frames of one clip and seed: the unit of work of an evaluation."""

from collections.abc import Sequence
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
from siammcvae_core.evaluate.calibration import MethodCalibration
from siammcvae_core.evaluate.findings import compare, Findings, load_detector, ObjectCounts
from siammcvae_core.evaluate.methods import EvaluatedMethod, load, LoadedMethod
from siammcvae_core.evaluate.pictures import Attempt, harder_case, Picture, picture_of, WorstCase
from siammcvae_core.evaluate.plan import EvaluationPlan
from siammcvae_core.evaluate.samples import choose_frames, DamagedCase, draw_cases
from siammcvae_core.evaluate.scores import score, Truth
from siammcvae_core.frames import paste
from siammcvae_core.motion.references import ReferenceFrame, References

MILLI = 1e3


@dataclass(frozen=True)
class ClipEvaluation:
    """One clip with the seed of this position in the plan; `pictured` asks for pictures of it."""

    plan: EvaluationPlan
    methods: tuple[EvaluatedMethod, ...]
    clip: Clip
    seed_number: int
    pictured: bool
    topic: str = ''


@dataclass(frozen=True)
class Score:
    """How good one method is on one case; `values` by the names of METRICS.

    `objects` are those a detector found, if the plan has one.
    """

    method: str
    mask: str
    gap: str
    index: int
    seconds: float
    lost: float
    ms: float
    ms_observe: float
    values: dict[str, float]
    objects: ObjectCounts | None = None


@dataclass
class ClipScores:
    """The scores of one clip and seed.

    `skipped` says why a clip has none, `broken` why it ended early. `worst` is the case in which
    the first method with weights gained least on the others.
    """

    clip: str
    seed_number: int
    scores: list[Score] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    worst: WorstCase | None = None
    calibration: dict[str, MethodCalibration] = field(default_factory=dict)
    skipped: str = ''
    broken: str = ''


def clip_evaluations(
    plan: EvaluationPlan, methods: Sequence[EvaluatedMethod], clips: Sequence[Clip], topic: str
) -> list[ClipEvaluation]:
    """List every clip with every seed; the clips that are pictured are spread over all."""
    step = max(1, -(-len(clips) // plan.pictures))
    return [
        ClipEvaluation(plan, tuple(methods), clip, seed, seed == 0 and number % step == 0, topic)
        for number, clip in enumerate(clips)
        for seed in range(len(plan.seeds))
    ]


def evaluate_clip(task: ClipEvaluation) -> ClipScores:
    """Score every method on every case of the clip.

    A clip that cannot be read is `skipped`. Raises InputError where a method fails.
    """
    plan, clip = task.plan, task.clip.name
    result = ClipScores(clip, task.seed_number)
    seed = plan.seeds[task.seed_number]
    model = next((method.name for method in task.methods if method.runs), None)
    try:
        source = open_source(task.clip.path, task.topic)
        chosen = choose_frames(source, clip, plan.gaps, seed, plan.samples)
        result.broken = source.broken
    except SourceError as error:
        result.skipped = str(error)
        return result
    truth = Truth(np.empty(0))
    detector = None if plan.detector is None else load_detector(plan.detector)
    for case in draw_cases(source, clip, chosen, plan.masks, plan.gaps, plan.size, seed):
        if not np.array_equal(truth.frame, case.truth):
            truth = Truth(case.truth, detector)
        attempts = [_scored(task, method, case, truth, result) for method in task.methods]
        if task.pictured and case.index == chosen[0]:
            result.pictures.append(picture_of(clip, case, attempts))
        if model is not None:
            result.worst = harder_case(model, clip, case, attempts, result.worst)
    return result


def find_unusable(methods: Sequence[EvaluatedMethod], size: tuple[int, int]) -> dict[str, str]:
    """Load every training run and restore a random frame; by method, why it cannot be used."""
    unusable = {}
    for method in methods:
        try:
            for weights in dict.fromkeys(method.runs):
                _warmed_up(method, weights, size)
        except InputError as error:
            unusable[method.name] = str(error)
    return unusable


def _scored(
    task: ClipEvaluation,
    method: EvaluatedMethod,
    case: DamagedCase,
    truth: Truth,
    result: ClipScores,
) -> Attempt:
    """Restore a case by one method, and enter its score and its expected errors."""
    weights = method.run(task.seed_number)
    restoration, ms, ms_observe = _restored(case, method, weights, task.clip.name)
    pasted = paste(case.frame, restoration.frame, case.mask)
    values = score(pasted, truth, case.mask)
    place = (method.name, case.mask_spec, str(case.gap), case.index, case.seconds)
    findings = _findings(truth, pasted, case.mask)
    counts = None if findings is None else findings.counts
    lost = float(case.mask.mean())
    result.scores.append(Score(*place, lost, ms, ms_observe, values, counts))
    if restoration.expected_error is not None:
        calibration = result.calibration.setdefault(method.name, MethodCalibration())
        calibration.add(restoration.expected_error(), case.seconds, pasted, case.truth, case.mask)
    return Attempt(method.name, pasted, values['psnr_lost'], findings)


def _findings(truth: Truth, pasted: np.ndarray, mask: np.ndarray) -> Findings | None:
    """Compare what the detector finds in a restored frame and in the truth, if there is one."""
    if truth.detector is None or truth.objects is None:
        return None
    return compare(truth.objects, truth.detector.detect(pasted), mask)


def _restored(
    case: DamagedCase, method: EvaluatedMethod, weights: Path | None, clip: str
) -> tuple[Restoration, float, float]:
    """Restore a case; with the milliseconds that restoring and observing took."""
    loaded = _warmed_up(method, weights, (case.truth.shape[0], case.truth.shape[1]))
    frame = case.truth if method.base in UPPER_BOUNDS else case.frame
    try:
        return _timed(loaded, case.references(), frame, case.mask, case.stamp)
    except InputError:
        raise
    except Exception as error:
        where = f'{clip}, frame {case.index}, {case.mask_spec}, gap {case.gap}'
        what = f'{type(error).__name__}: {error}'
        raise InputError(f'{method.name} failed on {where}: {what}') from error


@cache
def _warmed_up(
    method: EvaluatedMethod, weights: Path | None, size: tuple[int, int]
) -> LoadedMethod:
    """Load a method and restore a random frame, so that the first real one is not slow."""
    loaded = load(method, weights)
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    mask = np.zeros(size, bool)
    mask[: size[0] // 2] = True
    references = References((ReferenceFrame(frame, 0.0), ReferenceFrame(frame.copy(), -1.0)))
    _timed(loaded, references, frame, mask, 1.0)
    return loaded


def _timed(
    loaded: LoadedMethod,
    references: References,
    frame: np.ndarray,
    mask: np.ndarray,
    stamp: float,
) -> tuple[Restoration, float, float]:
    """Observe and restore; with the milliseconds that restoring and observing took."""
    begun = time.perf_counter()
    observed = loaded.observe(references)
    restoring = time.perf_counter()
    restoration = loaded.restore(observed, frame, mask, stamp)
    ended = time.perf_counter()
    return restoration, (ended - restoring) * MILLI, (restoring - begun) * MILLI
