# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How many lost cells the detector finds, and how many intact ones it flags.

A cell is lost if any pixel of it is; of these those are visibly lost that differ from the truth by
VISIBLE grey levels or more on average. False alarms are cells without any lost pixel, among all
such cells:

    recall = found lost cells / lost cells        alarms = flagged intact cells / intact cells
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from siammcvae_core.detection.detector import CLASSES, Detector
from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.faults.masks import CELL

VISIBLE = 3.0  # grey levels, mean over a cell of the channel that differs most: the least that an
# eye can tell, on mid-grey; on any other ground it takes more (Chou and Li 1995)
NONE = 'intact'


@dataclass
class CellCounts:
    """Cells: lost, found of these, visibly lost, found of these, intact, false alarms.

    `by_class` counts flagged cells and those of them that are lost, by class of the detector.
    """

    cells: np.ndarray = field(default_factory=lambda: np.zeros(6, np.int64))
    by_class: np.ndarray = field(default_factory=lambda: np.zeros((2, len(CLASSES)), np.int64))

    def __add__(self, other: 'CellCounts') -> 'CellCounts':
        return CellCounts(self.cells + other.cells, self.by_class + other.by_class)

    @property
    def recall(self) -> float:
        """Share of the lost cells that were found."""
        return float(self.cells[1] / max(self.cells[0], 1))

    @property
    def recall_visible(self) -> float:
        """Share of the visibly lost cells that were found."""
        return float(self.cells[3] / max(self.cells[2], 1))

    @property
    def alarms(self) -> float:
        """Share of the intact cells that were flagged."""
        return float(self.cells[5] / max(self.cells[4], 1))


def count_cells(
    frames: Sequence[np.ndarray],
    rate: float,
    spec: str,
    probability: float,
    burst: int,
    seed: int,
    visible_from: float = VISIBLE,
) -> CellCounts:
    """Play frames of one clip, uint8 (H, W, 3) or (H, W), with one fault or NONE.

    visible_from: grey levels, mean difference of a cell from which it counts as visibly lost.
    """
    injector = FaultInjector([] if spec == NONE else [spec], probability, seed, burst)
    detector, total = Detector(), CellCounts()
    for index, frame in enumerate(frames):
        damaged = injector.inject(index, frame)
        detection = detector.inspect(damaged.frame, index / rate)
        lost, visible = _lost_cells(frame, damaged.frame, damaged.mask, visible_from)
        flagged = detection.mask
        total.cells += [
            np.count_nonzero(which)
            for which in (lost, lost & flagged, visible, visible & flagged, ~lost, ~lost & flagged)
        ]
        for row, which in enumerate((flagged, flagged & lost)):
            total.by_class[row] += np.bincount(detection.classes[which], minlength=len(CLASSES))
    return total


def _lost_cells(
    frame: np.ndarray, damaged: np.ndarray, mask: np.ndarray, visible_from: float = VISIBLE
) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells that are lost and those that are visibly so: bool (R, C) each."""
    difference = cv2.absdiff(frame, damaged)
    if difference.ndim == 3:
        difference = difference.max(axis=2)
    height, width = mask.shape
    below, beyond = -height % CELL, -width % CELL
    lost = np.pad(mask, ((0, below), (0, beyond))).reshape(-1, CELL, (width + beyond) // CELL, CELL)
    padded = np.pad(difference, ((0, below), (0, beyond)), mode='edge').reshape(lost.shape)
    any_lost = np.asarray(lost.any(axis=(1, 3)))
    return any_lost, any_lost & (padded.mean(axis=(1, 3)) >= visible_from)


def tables(counts: dict[str, dict[str, CellCounts]]) -> str:
    """Write Markdown tables of counts by fault and clip, NONE among the faults."""
    by_fault = {spec: clips for spec, clips in counts.items() if spec != NONE}
    total = sum((one for clips in by_fault.values() for one in clips.values()), CellCounts())
    lines = [
        '| fault | found of lost | of visibly lost | worst clip | best clip | false alarms |',
        '|---|---|---|---|---|---|',
        *(_fault_line(spec, clips) for spec, clips in by_fault.items()),
        f'| **all** | **{total.recall:.3f}** | **{total.recall_visible:.3f}** | | | '
        f'**{total.alarms:.3%}** |',
        '',
        '| clip | found of lost | of visibly lost | false alarms, with faults | without any |',
        '|---|---|---|---|---|',
    ]
    for clip, intact in counts[NONE].items():
        own = sum((clips[clip] for clips in by_fault.values()), CellCounts())
        lines.append(
            f'| {clip} | {own.recall:.3f} | {own.recall_visible:.3f} | {own.alarms:.3%} | '
            f'{intact.alarms:.3%} |'
        )
    flagged, lost = total.by_class
    lines += ['', '| class | flagged cells | lost indeed |', '|---|---|---|']
    lines += [
        f'| {name} | {flagged[i]} | {lost[i] / max(flagged[i], 1):.3f} |'
        for i, name in enumerate(CLASSES)
        if i
    ]
    return '\n'.join(lines)


def _fault_line(spec: str, counts: dict[str, CellCounts]) -> str:
    total = sum(counts.values(), CellCounts())
    clips = {clip: one for clip, one in counts.items() if one.cells[0]}
    ranked = sorted(clips, key=lambda clip: clips[clip].recall)
    ends = [f'{clips[clip].recall:.2f} {clip}' for clip in (ranked[:1] + ranked[-1:])]
    return (
        f'| `{spec}` | {total.recall:.3f} | {total.recall_visible:.3f} | '
        f'{" | ".join(ends or ["", ""])} | {total.alarms:.3%} |'
    )
