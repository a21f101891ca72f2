# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much the detector finds: `python -m siammcvae_core.detection --data DIR`.

Each clip is played once per fault of the gallery and once intact. A cell is lost if any pixel of it
is; of these those are visibly lost that differ from the truth by VISIBLE grey levels or more on
average. False alarms are cells without any lost pixel, among all such cells.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
import sys
import zlib

import cv2
import numpy as np

from siammcvae_core.data.pairs import to_core
from siammcvae_core.data.sources import open_source
from siammcvae_core.detection.detector import CLASSES, Detector
from siammcvae_core.errors import InputError
from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.faults.gallery import SPECS
from siammcvae_core.faults.masks import CELL

VISIBLE = 3.0  # grey levels, mean over a cell of the channel that differs most: the least that an
# eye can tell, on mid-grey; on any other ground it takes more (Chou and Li 1995)
NONE = 'intact'


@dataclass
class Count:
    """Cells counted: lost, found of these, visibly lost, found of these, intact, false alarms."""

    cells: np.ndarray = field(default_factory=lambda: np.zeros(6, np.int64))
    by_class: np.ndarray = field(default_factory=lambda: np.zeros((2, len(CLASSES)), np.int64))

    def __add__(self, other: 'Count') -> 'Count':
        return Count(self.cells + other.cells, self.by_class + other.by_class)

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


def count(
    frames: Sequence[np.ndarray],
    rate: float,
    spec: str,
    probability: float,
    burst: int,
    seed: int,
    visible_from: float = VISIBLE,
) -> Count:
    """Play frames of one clip, uint8 (H, W, 3) or (H, W), with one fault or NONE.

    visible_from: grey levels, mean difference of a cell from which it counts as visibly lost.
    """
    injector = FaultInjector([] if spec == NONE else [spec], probability, seed, burst)
    detector, total = Detector(), Count()
    for index, frame in enumerate(frames):
        damaged = injector.inject(index, frame)
        found = detector.inspect(damaged.frame, index / rate)
        lost, visible = _truth(frame, damaged.frame, damaged.mask, visible_from)
        flagged = found.mask
        total.cells += [
            np.count_nonzero(which)
            for which in (lost, lost & flagged, visible, visible & flagged, ~lost, ~lost & flagged)
        ]
        for row, which in enumerate((flagged, flagged & lost)):
            total.by_class[row] += np.bincount(found.classes[which], minlength=len(CLASSES))
    return total


def _truth(
    frame: np.ndarray, damaged: np.ndarray, mask: np.ndarray, visible_from: float = VISIBLE
) -> tuple[np.ndarray, np.ndarray]:
    """Give the cells that are lost and those that are visibly so: bool (R, C) each."""
    difference = cv2.absdiff(frame, damaged)
    if difference.ndim == 3:
        difference = difference.max(axis=2)
    height, width = mask.shape
    below, beyond = -height % CELL, -width % CELL
    lost = np.pad(mask, ((0, below), (0, beyond))).reshape(-1, CELL, (width + beyond) // CELL, CELL)
    padded = np.pad(difference, ((0, below), (0, beyond)), mode='edge').reshape(lost.shape)
    any_lost = np.asarray(lost.any(axis=(1, 3)))
    return any_lost, any_lost & (padded.mean(axis=(1, 3)) >= visible_from)


def report(counts: dict[str, dict[str, Count]]) -> str:
    """Write Markdown tables of counts by fault and clip."""
    faults = [spec for spec in counts if spec != NONE]
    lines = [
        '| fault | found of lost | of visibly lost | worst clip | best clip | false alarms |',
        '|---|---|---|---|---|---|',
    ]
    for spec in faults:
        clips = {clip: c for clip, c in counts[spec].items() if c.cells[0]}
        total = sum(counts[spec].values(), Count())
        ranked = sorted(clips, key=lambda clip: clips[clip].recall)
        ends = [f'{clips[clip].recall:.2f} {clip}' for clip in (ranked[:1] + ranked[-1:])]
        lines.append(
            f'| `{spec}` | {total.recall:.3f} | {total.recall_visible:.3f} | '
            f'{" | ".join(ends or ["", ""])} | {total.alarms:.3%} |'
        )
    everything = sum((c for spec in faults for c in counts[spec].values()), Count())
    lines += [
        f'| **all** | **{everything.recall:.3f}** | **{everything.recall_visible:.3f}** | | | '
        f'**{everything.alarms:.3%}** |',
        '',
        '| clip | found of lost | of visibly lost | false alarms, with faults | without any |',
        '|---|---|---|---|---|',
    ]
    for clip in counts[NONE]:
        total = sum((counts[spec][clip] for spec in faults), Count())
        lines.append(
            f'| {clip} | {total.recall:.3f} | {total.recall_visible:.3f} | {total.alarms:.3%} | '
            f'{counts[NONE][clip].alarms:.3%} |'
        )
    whole = everything.by_class
    lines += ['', '| class | flagged cells | lost indeed |', '|---|---|---|']
    lines += [
        f'| {name} | {whole[0, i]} | {whole[1, i] / max(whole[0, i], 1):.3f} |'
        for i, name in enumerate(CLASSES)
        if i
    ]
    return '\n'.join(lines)


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(
        prog='python -m siammcvae_core.detection',
        description='Measure the fault detector on clips with injected faults; prints Markdown.',
    )
    p.add_argument('--data', type=Path, required=True, metavar='DIR', help='folder of videos')
    p.add_argument('--frames', type=int, default=60, help='of each clip (default: %(default)s)')
    p.add_argument('--skip', type=int, default=10, help='frames before (default: %(default)s)')
    p.add_argument('--probability', type=float, default=0.3, help='of damage (default: 0.3)')
    p.add_argument('--burst', type=int, default=10, help='frames a fault lasts (default: 10)')
    p.add_argument('--seed', type=int, default=0)
    p.add_argument(
        '--visible', type=float, default=VISIBLE, metavar='LEVELS',
        help='mean difference of a cell that counts as visible, grey levels (default: %(default)s)',
    )  # fmt: skip
    p.add_argument('--faults', nargs='+', default=SPECS, metavar='SPEC', help='default: all')
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; exit status 2 for unusable input."""
    options = parser().parse_args(arguments)
    counts: dict[str, dict[str, Count]] = {spec: {} for spec in (*options.faults, NONE)}
    try:
        clips = sorted(options.data.iterdir())
        for path in clips:
            source = open_source(path)
            some = islice(source, options.skip, options.skip + options.frames)
            frames = [to_core(frame) for frame in some]
            for spec in counts:
                seed = zlib.crc32(f'{options.seed} {path.stem} {spec}'.encode())
                counts[spec][path.stem] = count(
                    frames, source.rate, spec, 0.0 if spec == NONE else options.probability,
                    options.burst, seed, options.visible,
                )  # fmt: skip
    except (InputError, OSError) as error:
        print(f'detection_report: {error}', file=sys.stderr)
        return 2
    print(report(counts))
    return 0


if __name__ == '__main__':
    sys.exit(main())
