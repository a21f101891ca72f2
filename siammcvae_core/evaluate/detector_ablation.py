# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Command line for frames without masks: `python -m siammcvae_core.evaluate.detector_ablation`."""

import argparse
from collections.abc import Iterator, Sequence
from itertools import islice
import sys
from typing import Any, NamedTuple
import zlib

import numpy as np

from siammcvae_core.commands.jobs import run_usable, WorkerError
from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.commands.values import parse_list, parse_size
from siammcvae_core.data.layouts import Clip, find_clips
from siammcvae_core.data.pairs import distinct_frames, NANO
from siammcvae_core.data.sources import open_source
from siammcvae_core.detection.detector import Detector
from siammcvae_core.engines.factory import load_engine
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.evaluate.samples import fit
from siammcvae_core.evaluate.scenario import add_scenario_options, mean_over_clips, Row
from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.faults.gallery import SPECS
from siammcvae_core.metrics import psnr
from siammcvae_core.report.json_csv import write_csv
from siammcvae_core.restore.restorer import Restorer

DESCRIPTION = """\
Score what the detector is worth to the restorer: the same damaged clips restored with the exact
masks of what was lost, and with those that the detector finds, as the node does with
`detector: only`. Prints a table, in dB of the pixels that were lost, and writes detected.csv.
"""
WAYS = ('told', 'found')  # in the csv: exact masks, those of the detector
INTACT = 2  # frames before the first that may be damaged

Frames = Sequence[tuple[float, np.ndarray]]


class DetectorAblation(NamedTuple):
    """A clip, of which `frames` frames are played from the `skip`-th on, once with each fault."""

    clip: Clip
    faults: tuple[str, ...]
    weights: str
    skip: int
    frames: int
    size: tuple[int, int]
    probability: float
    burst: int


def compare(task: DetectorAblation) -> list[Row]:
    """Restore one clip with every fault; a row for each fault, way and damaged frame.

    Raises SourceError for a clip that cannot be read, or of which no frame is damaged.
    """
    engine = load_engine(task.weights)
    source = distinct_frames(open_source(task.clip.path))
    frames = [
        (frame.stamp / NANO, fit(frame.image, task.size))
        for frame in islice(source, task.skip, task.skip + task.frames)
    ]
    rows = [row for fault in task.faults for row in _compare(task, fault, frames, engine)]
    if not rows:
        raise SourceError(f'none of {len(frames)} frames was damaged')
    return rows


def _compare(task: DetectorAblation, fault: str, frames: Frames, engine: Any) -> Iterator[Row]:
    """Play the frames with one fault; a row for each way and damaged frame."""
    seed = zlib.crc32(f'{task.clip.name} {fault}'.encode())
    injector = FaultInjector([fault], task.probability, seed, task.burst)
    detector = Detector()
    restorers = {way: Restorer(engine) for way in WAYS}
    for stamp, intact in frames[:INTACT]:
        detector.inspect(intact, stamp)
        for restorer in restorers.values():
            restorer.observe(intact, stamp)
    for number, (stamp, truth) in enumerate(frames[INTACT:]):
        damaged = injector.inject(number, truth)
        detected = detector.inspect(damaged.frame, stamp).pixels()
        for way, mask in zip(WAYS, (damaged.mask, detected), strict=True):
            output = _serve(restorers[way], damaged.frame, mask, stamp)
            if damaged.mask.any():
                yield {
                    'clip': task.clip.name, 'fault': fault, 'way': way, 'frame': number,
                    'psnr_lost': psnr(output, truth, damaged.mask),
                }  # fmt: skip


def _serve(restorer: Restorer, frame: np.ndarray, mask: np.ndarray, stamp: float) -> np.ndarray:
    """Do what the node does with a frame whose mask it has."""
    if mask.any():
        return restorer.restore(frame, mask, stamp).frame
    restorer.observe(frame, stamp)
    return frame


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Write the lines of a Markdown table: means over the frames of a clip, then over clips."""
    yield '| fault | exact masks, dB | detected, dB | difference |'
    yield '|---|---|---|---|'
    scores = {}
    for fault in dict.fromkeys(row['fault'] for row in rows):
        of_fault = [row for row in rows if row['fault'] == fault]
        scores[fault] = [mean_over_clips(of_fault, way) for way in WAYS]
    for name, (exact, detected) in scores.items():
        yield f'| `{name}` | {exact:.2f} | {detected:.2f} | {detected - exact:+.2f} |'
    exact, detected = np.mean(list(scores.values()), 0)
    yield f'| **all** | **{exact:.2f}** | **{detected:.2f}** | **{detected - exact:+.2f}** |'


def parser() -> CommandParser:
    """Describe the command line."""
    options = CommandParser('siammcvae_core.evaluate.detector_ablation', DESCRIPTION)
    add_scenario_options(options)
    options.add_argument(
        '--faults',
        default=','.join(SPECS),
        metavar='FAULT,…',
        help='faults of docs/faults.md (default: %(default)s)',
    )
    options.add_argument(
        '--frames', type=int, default=40, help='of each clip (default: %(default)s)'
    )
    options.add_argument(
        '--skip', type=int, default=10, help='frames before (default: %(default)s)'
    )
    options.add_argument('--probability', type=float, default=0.3, help='of damage (default: 0.3)')
    options.add_argument('--burst', type=int, default=10, help='frames a fault lasts (default: 10)')
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Score and print the table; 0 when done, 1 if a process dies, 2 for unusable input."""
    return parser().run(score, arguments, failures=(WorkerError,))


def score(options: argparse.Namespace) -> None:
    """Score all clips, write the rows and print the table; raises InputError."""
    if options.frames < 1 or options.skip < 0:
        raise InputError('--frames must be 1 or more, --skip 0 or more')
    faults, size = parse_list(options.faults, '--faults'), parse_size(options.size)
    FaultInjector(faults, options.probability, 0, options.burst)
    load_engine(options.weights)
    options.out.mkdir(parents=True, exist_ok=True)
    clips = find_clips(options.data, 'val')
    tasks = [
        DetectorAblation(clip, faults, options.weights, options.skip, options.frames, size,
                         options.probability, options.burst)
        for clip in clips
    ]  # fmt: skip
    names = [clip.name for clip in clips]
    parts = run_usable(compare, tasks, names, options.jobs, options.cluster, 'restoring')
    rows = [row for part in parts for row in part]
    write_csv(options.out / 'detected.csv', rows)
    print('\n'.join(table(rows)))


if __name__ == '__main__':
    sys.exit(main())
