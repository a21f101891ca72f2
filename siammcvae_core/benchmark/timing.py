# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Timing of methods on cells, in turns, so that other load on the machine affects all alike."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from siammcvae_core.benchmark.cases import Cell
from siammcvae_core.benchmark.methods import AHEAD, TimedMethod
from siammcvae_core.engines.stage_timer import StageTimer

StageTimes = dict[str, float]
"""Durations of stages by name, in order."""


@dataclass
class Timed:
    """Rounds of a method on a cell: each round restores a frame of every camera, one by one."""

    method: TimedMethod
    cell: Cell
    cameras: int
    rounds: list[StageTimes] = field(default_factory=list)

    def round(self, number: int) -> None:
        """Restore the next frame of every camera; seconds of stages are added up."""
        totals: StageTimes = {}
        for camera in range(self.cameras):
            case = self.cell.cases[(number + camera) % len(self.cell.cases)]
            timer = StageTimer()
            self.method.restore(case, timer)
            for stage, seconds in timer.seconds.items():
                totals[stage] = totals.get(stage, 0.0) + seconds
        self.rounds.append(totals)

    def milliseconds(self, quantile: float) -> float:
        """Compute a quantile of the duration of a round, without the stages in AHEAD."""
        durations = [
            sum(seconds for stage, seconds in stages.items() if stage not in AHEAD)
            for stages in self.rounds
        ]
        return 1e3 * float(np.quantile(durations, quantile))

    def stages(self) -> StageTimes:
        """Compute the median milliseconds of every stage of a round."""
        return {
            stage: 1e3 * float(np.median([stages[stage] for stages in self.rounds]))
            for stage in self.rounds[0]
        }


def time_all(
    methods: Sequence[TimedMethod], cells: Sequence[Cell], cameras: Sequence[int], repeats: int
) -> list[Timed]:
    """Time every method on every cell for every number of cameras.

    Each restores about `repeats` frames of a camera: a round of n cameras takes place in every n-th
    repetition. A repetition goes through all cells and, in each, through all methods, beginning
    with another one each time, so that no method always follows the same one.
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
