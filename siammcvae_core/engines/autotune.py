# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Timing of the libraries that can run the drive model, on one synthetic damaged frame."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import logging
from pathlib import Path

import cv2
import numpy as np

from siammcvae_core.engines.drive import DriveEngine
from siammcvae_core.engines.network import Network
from siammcvae_core.engines.stage_timer import StageTimer
from siammcvae_core.faults.masks import make_mask
from siammcvae_core.motion.references import ReferenceFrame, References

SIZE = (368, 640)  # height and width: the usual working size, pixels
FAULT = 'random:0.75'
SHIFT = 3  # pixels that the picture moves from frame to frame
ROUNDS = 3  # the shortest time counts: other processes only ever add to it
MEAN_BOUND, TOP_BOUND = 0.1, 2.0  # grey levels off the first candidate: mean, 99.9th percentile

BuildNetwork = Callable[[Path], Network]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trial:
    """Result of a candidate: its time, and how far lost pixels are off the first one's.

    `mean` and `top`, the 99.9th percentile, of the absolute difference in grey levels.
    """

    candidate: str
    milliseconds: float
    mean: float
    top: float

    @property
    def agrees(self) -> bool:
        """Whether the frame is the first candidate's but for rounding."""
        return self.mean <= MEAN_BOUND and self.top <= TOP_BOUND

    def __str__(self) -> str:
        off = '' if self.agrees else f', off by {self.mean:.2f} ({self.top:.0f}) grey levels'
        return f'{self.candidate} {self.milliseconds:.0f} ms{off}'


def fastest(trials: list[Trial]) -> Trial:
    """Choose the fastest of the candidates that agree with the first."""
    return min((trial for trial in trials if trial.agrees), key=lambda trial: trial.milliseconds)


def try_candidates(weights: Path, candidates: Mapping[str, BuildNetwork]) -> list[Trial]:
    """Run every candidate on the same damaged frame; one that fails is logged and left out.

    The first candidate is the standard of comparison, and its errors are raised.
    """
    rng = np.random.default_rng(0)
    frames, mask = _moving_frames(rng), make_mask(FAULT, SIZE, rng)
    trials: list[Trial] = []
    expected = None
    for candidate, build in candidates.items():
        try:
            restored, seconds = _run(DriveEngine(weights, build), frames, mask)
        except Exception as error:
            if expected is None:
                raise
            _log.warning('%s does not serve: %s: %s', candidate, type(error).__name__, error)
            continue
        expected = restored if expected is None else expected
        off = cv2.absdiff(restored, expected)
        mean, top = float(off.mean()), float(np.quantile(off, 0.999))
        trials.append(Trial(candidate, 1e3 * seconds, mean, top))
    return trials


def _run(
    engine: DriveEngine, frames: list[np.ndarray], mask: np.ndarray
) -> tuple[np.ndarray, float]:
    """Restore the last of three frames; returns its lost pixels and the network's seconds."""
    oldest, newest, damaged = frames
    references = References((ReferenceFrame(newest, 0.1), ReferenceFrame(oldest, 0.0)))
    restored = engine.restore(references, damaged, mask, 0.2).frame[mask]  # also warms up
    seconds = []
    for _ in range(ROUNDS):
        timer = StageTimer()
        engine.restore(references, damaged, mask, 0.2, timer)
        seconds.append(timer.seconds['network'])
    return restored, min(seconds)


def _moving_frames(rng: np.random.Generator) -> list[np.ndarray]:
    """Draw three frames of a smooth random texture that moves."""
    height, width = SIZE
    noise = rng.integers(0, 256, (height, width + 2 * SHIFT, 3), np.uint8)
    texture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
    return [np.ascontiguousarray(texture[:, SHIFT * k : SHIFT * k + width]) for k in range(3)]
