# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much the detector finds: `python -m siammcvae_core.detection --data DIR`."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
import sys
import zlib

from siammcvae_core.commands.jobs import add_job_options, run_jobs, WorkerError
from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.data.pairs import to_core
from siammcvae_core.data.sources import open_source
from siammcvae_core.detection.cell_counts import CellCounts, count_cells, NONE, tables, VISIBLE
from siammcvae_core.faults.gallery import SPECS

DESCRIPTION = """\
Measure the fault detector on clips with injected faults; prints Markdown. Each clip is played once
per fault and once intact.
"""


@dataclass(frozen=True)
class DetectionTrial:
    """A clip, of which `frames` frames are played from the `skip`-th on, once with each fault."""

    path: Path
    faults: tuple[str, ...]
    skip: int
    frames: int
    probability: float
    burst: int
    seed: int
    visible: float


def count_clip(task: DetectionTrial) -> dict[str, CellCounts]:
    """Play one clip with every fault, and intact; raises SourceError if it cannot be read."""
    source = open_source(task.path)
    frames = [to_core(frame) for frame in islice(source, task.skip, task.skip + task.frames)]
    counts = {}
    for spec in (*task.faults, NONE):
        seed = zlib.crc32(f'{task.seed} {task.path.stem} {spec}'.encode())
        probability = 0.0 if spec == NONE else task.probability
        counts[spec] = count_cells(
            frames, source.rate, spec, probability, task.burst, seed, task.visible
        )
    return counts


def parser() -> CommandParser:
    """Describe the command line."""
    options = CommandParser('siammcvae_core.detection', DESCRIPTION)
    options.add_argument('--data', type=Path, required=True, metavar='DIR', help='folder of videos')
    options.add_argument(
        '--frames', type=int, default=60, help='of each clip (default: %(default)s)'
    )
    options.add_argument(
        '--skip', type=int, default=10, help='frames before (default: %(default)s)'
    )
    options.add_argument('--probability', type=float, default=0.3, help='of damage (default: 0.3)')
    options.add_argument('--burst', type=int, default=10, help='frames a fault lasts (default: 10)')
    options.add_argument('--seed', type=int, default=0)
    options.add_argument(
        '--visible', type=float, default=VISIBLE, metavar='LEVELS',
        help='mean difference of a cell that counts as visible, grey levels (default: %(default)s)',
    )  # fmt: skip
    options.add_argument('--faults', nargs='+', default=SPECS, metavar='SPEC', help='default: all')
    add_job_options(options)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 0 when done, 1 if a process dies, 2 for unusable input."""
    return parser().run(measure, arguments, failures=(WorkerError,))


def measure(options: argparse.Namespace) -> None:
    """Count on all clips and print the tables; raises InputError and OSError."""
    faults = tuple(options.faults)
    paths = sorted(options.data.iterdir())
    tasks = [
        DetectionTrial(path, faults, options.skip, options.frames, options.probability,
                       options.burst, options.seed, options.visible)
        for path in paths
    ]  # fmt: skip
    clips = [path.stem for path in paths]
    results = run_jobs(count_clip, tasks, clips, options.jobs, options.cluster, 'detecting')
    print(
        tables(
            {
                spec: {clip: counts[spec] for clip, counts in zip(clips, results, strict=True)}
                for spec in (*faults, NONE)
            }
        )
    )


if __name__ == '__main__':
    sys.exit(main())
