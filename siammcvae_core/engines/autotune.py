# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One made-up damaged frame on which ways to compute the drive model are compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
import logging
from pathlib import Path
import time

import cv2
import numpy as np

from siammcvae_core.alignment.composite import composite
from siammcvae_core.alignment.features import extract_features
from siammcvae_core.engines.drive import DriveEngine
from siammcvae_core.engines.network import Network
from siammcvae_core.faults.masks import make_mask
from siammcvae_core.motion.references import ReferenceFrame, References

SIZE = (368, 640)  # the usual working size, pixels
FAULT = 'random:0.75'
SHIFT = 3  # pixels that its picture moves from frame to frame
ROUNDS = 3  # the best counts: what else runs on the machine only ever slows down
MEAN_BOUND, TOP_BOUND = 0.1, 2.0  # grey levels off the first way: mean, 99.9th percentile

Make = Callable[[Path], Network]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tried:
    """How a way did: its time, and how far its frame is off, in grey levels of lost pixels."""

    way: str
    milliseconds: float
    mean: float
    top: float

    @property
    def agrees(self) -> bool:
        """Whether its frame is that of the first way but for rounding."""
        return self.mean <= MEAN_BOUND and self.top <= TOP_BOUND

    def __str__(self) -> str:
        off = '' if self.agrees else f', off by {self.mean:.2f} ({self.top:.0f}) grey levels'
        return f'{self.way} {self.milliseconds:.0f} ms{off}'


def fastest(tried: list[Tried]) -> Tried:
    """Choose among the ways tried."""
    return min((one for one in tried if one.agrees), key=lambda one: one.milliseconds)


def compare(weights: Path, ways: Mapping[str, Make]) -> list[Tried]:
    """Try every way on the same damaged frame; what fails is told and left out.

    The first one decides what is right, and raises what it likes.
    """
    references, frame, mask, stamp = _trial()
    known = extract_features(references, frame, mask, stamp)
    tried: list[Tried] = []
    right = None
    for way, make in ways.items():
        try:
            engine = DriveEngine(weights, make)
            tokens = engine.encode_reference(references.frames[0].frame)
            part = engine.part(known)
            run = partial(engine.network.restore, tokens, part.inputs)
            answer = part.place(run())
            restored = composite(references, known, answer, mask)[mask]
            took = [_seconds(run) for _ in range(ROUNDS)]
        except Exception as error:
            if right is None:
                raise
            _log.warning('%s does not serve: %s: %s', way, type(error).__name__, error)
            continue
        right = restored if right is None else right
        off = cv2.absdiff(restored, right)
        tried.append(Tried(way, 1e3 * min(took), float(off.mean()), float(np.quantile(off, 0.999))))
    return tried


def _trial() -> tuple[References, np.ndarray, np.ndarray, float]:
    """Make up a picture that moves, and a fault in it."""
    height, width = SIZE
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (height, width + 2 * SHIFT, 3), np.uint8)
    picture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
    oldest, newest, frame = (
        np.ascontiguousarray(picture[:, SHIFT * k : SHIFT * k + width]) for k in range(3)
    )
    references = References((ReferenceFrame(newest, 0.1), ReferenceFrame(oldest, 0.0)))
    return references, frame, make_mask(FAULT, SIZE, rng), 0.2


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began
