# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Times of methods on cells, taken in turns so that what else the machine does hits all alike."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from siammcvae_core.benchmark.cases import Cell
from siammcvae_core.benchmark.methods import AHEAD, Method, Stages


@dataclass
class Timed:
    """Rounds of one method on one cell: a round restores a frame of every camera, one by one."""

    method: Method
    cell: Cell
    cameras: int
    rounds: list[Stages] = field(default_factory=list)

    def round(self, number: int) -> None:
        """Restore the next frame of every camera."""
        sums: Stages = {}
        for camera in range(self.cameras):
            case = self.cell.cases[(number + camera) % len(self.cell.cases)]
            _, stages = self.method.restore(case)
            for name, seconds in stages.items():
                sums[name] = sums.get(name, 0.0) + seconds
        self.rounds.append(sums)

    def milliseconds(self, quantile: float) -> float:
        """Give a quantile of the time of a round, what is worked out ahead left out."""
        totals = [
            sum(seconds for name, seconds in stages.items() if name not in AHEAD)
            for stages in self.rounds
        ]
        return 1e3 * float(np.quantile(totals, quantile))

    def stages(self) -> Stages:
        """Give the median milliseconds of every stage of a round."""
        return {
            name: 1e3 * float(np.median([stages[name] for stages in self.rounds]))
            for name in self.rounds[0]
        }


def time_all(
    methods: Sequence[Method], cells: Sequence[Cell], cameras: Sequence[int], repeats: int
) -> list[Timed]:
    """Time every method on every cell for every number of cameras.

    Each restores about `repeats` frames of a camera: a round of n cameras takes place in every n-th
    repetition. A repetition goes through all cells and, in each, through all methods, beginning
    with another one each time, so that nobody always runs after the same.
    """
    table = [
        [Timed(method, cell, count) for method in methods] for cell in cells for count in cameras
    ]
    for number in tqdm(range(repeats), 'timing', unit='round', disable=None):
        first = number % len(methods)
        for line in table:
            for timed in line[first:] + line[:first]:
                if number % timed.cameras == 0:
                    timed.round(number)
    return [timed for line in table for timed in line]
