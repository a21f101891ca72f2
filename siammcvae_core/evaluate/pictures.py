# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of cases: as every method restored them, and those in which a model gained least."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
from matplotlib.figure import Figure
import numpy as np

from siammcvae_core.baselines.classical import UPPER_BOUNDS
from siammcvae_core.evaluate.findings import Findings
from siammcvae_core.evaluate.samples import DamagedCase

JPEG_QUALITY = 82
SHOWN = 4
"""How many of the cases in which a model gained least are shown."""


@dataclass(frozen=True)
class Attempt:
    """A damaged frame as a method restored it, and the PSNR of its lost pixels in dB.

    `findings` is what a detector finds in it, if there is one.
    """

    method: str
    frame: np.ndarray
    psnr_lost: float
    findings: Findings | None = None

    @property
    def caption(self) -> str:
        """Name and score."""
        text = f'{self.method}: {self.psnr_lost:.1f} dB'
        if self.findings is None:
            return text
        counts, invented = self.findings.counts, len(self.findings.invented)
        return f'{text}, found {counts.found} of {counts.objects}, {invented} invented'

    @property
    def drawn(self) -> np.ndarray:
        """The frame, with the boxes of what a detector found in it."""
        return self.frame if self.findings is None else self.findings.draw(self.frame)


@dataclass(frozen=True)
class Picture:
    """One case as every method restored it: (JPEG, caption) each, the damaged frame first."""

    clip: str
    mask: str
    gap: str
    index: int
    panels: tuple[tuple[bytes, str], ...]

    @property
    def title(self) -> str:
        """Which case it is."""
        return f'{self.clip}, frame {self.index}, {self.mask}, gap {self.gap}'


@dataclass(frozen=True)
class WorstCase:
    """A case of a model beside the best other method, and by how many dB the model is better."""

    gain: float
    picture: Picture


def picture_of(clip: str, case: DamagedCase, attempts: Iterable[Attempt]) -> Picture:
    """Encode a case: the damaged frame, the restored ones, the truth and the reference."""
    panels = [
        (case.frame, 'damaged'),
        *((attempt.drawn, attempt.caption) for attempt in attempts),
        (case.truth, 'truth'),
        (case.reference_frames[0].frame, f'newest reference, {case.seconds:.2f} s before'),
    ]
    quality = (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY)
    encoded = tuple((cv2.imencode('.jpg', im, quality)[1].tobytes(), text) for im, text in panels)
    return Picture(clip, case.mask_spec, str(case.gap), case.index, encoded)


def harder_case(
    model: str, clip: str, case: DamagedCase, attempts: Sequence[Attempt], so_far: WorstCase | None
) -> WorstCase | None:
    """Return the case in which `model` gained less on the best other method: this or `so_far`.

    Upper bounds are no others.
    """
    others = [a for a in attempts if a.method not in (model, *UPPER_BOUNDS)]
    if not others:
        return so_far
    own = next(attempt for attempt in attempts if attempt.method == model)
    best = max(others, key=lambda attempt: attempt.psnr_lost)
    gain = own.psnr_lost - best.psnr_lost
    if so_far is not None and so_far.gain <= gain:
        return so_far
    return WorstCase(gain, picture_of(clip, case, (own, best)))


def worst_cases(cases: Iterable[WorstCase]) -> list[WorstCase]:
    """Choose the cases to show, the least gain first."""
    return sorted(cases, key=lambda case: case.gain)[:SHOWN]


def draw_worst_cases(cases: Sequence[WorstCase]) -> Figure:
    """Draw cases one under another, their panels beside each other."""
    across = max(len(case.picture.panels) for case in cases)
    figure = Figure(figsize=(3.2 * across, 2.2 * len(cases)), layout='constrained')
    grid = figure.subplots(len(cases), across, squeeze=False)
    for line, case in zip(grid, cases, strict=True):
        for axes, (data, caption) in zip(line, case.picture.panels, strict=True):
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            axes.imshow(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
            axes.set_title(caption, fontsize=8)
            axes.set_xticks([])
            axes.set_yticks([])
        line[0].set_ylabel(f'{case.picture.mask}\ngap {case.picture.gap}', fontsize=8)
    return figure
