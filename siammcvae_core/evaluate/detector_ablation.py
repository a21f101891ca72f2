# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Command line for frames without masks: `python -m siammcvae_core.evaluate.detector_ablation`."""

import argparse
from collections.abc import Iterator, Sequence
from itertools import islice
import sys
from typing import NamedTuple
import zlib

import cv2
import numpy as np

from siammcvae_core.commands.values import parse_list, parse_size
from siammcvae_core.data.layouts import Clip, find_clips
from siammcvae_core.data.pairs import distinct_frames, NANO
from siammcvae_core.data.sources import open_source
from siammcvae_core.detection.detector import Detector
from siammcvae_core.engines.factory import load_engine
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.evaluate.over_clips import add_usual, mean_over_clips, over_clips, Row
from siammcvae_core.evaluate.samples import fit
from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.faults.gallery import SPECS
from siammcvae_core.metrics import psnr
from siammcvae_core.report.json_csv import write_csv
from siammcvae_core.restore.restorer import Restorer

DESCRIPTION = """\
Score what the detector is worth to the restorer: the same damaged clips restored with the masks of
what was lost, and with those that the detector finds, as the node does with `detector: only`.
Prints a table, in dB of the pixels that were lost, and writes detected.csv.
"""
WAYS = ('told', 'found')
INTACT = 2  # frames before the first that may be damaged


class Task(NamedTuple):
    """A clip and what is to be done to it; `frames` from the `skip`-th on."""

    clip: Clip
    faults: tuple[str, ...]
    weights: str
    skip: int
    frames: int
    size: tuple[int, int]
    probability: float
    burst: int


def compare(task: Task) -> list[Row]:
    """Restore one clip with every fault; a row for each fault, way and damaged frame.

    Raises SourceError for a clip that cannot be read, or of which no frame is damaged.
    """
    cv2.setNumThreads(1)
    engine = load_engine(task.weights)
    source = distinct_frames(open_source(task.clip.path))
    film = [
        (frame.stamp / NANO, fit(frame.image, task.size))
        for frame in islice(source, task.skip, task.skip + task.frames)
    ]
    rows: list[Row] = []
    for fault in task.faults:
        seed = zlib.crc32(f'{task.clip.name} {fault}'.encode())
        injector = FaultInjector([fault], task.probability, seed, task.burst)
        detector = Detector()
        restorers = {way: Restorer(engine) for way in WAYS}
        for stamp, intact in film[:INTACT]:
            detector.inspect(intact, stamp)
            for restorer in restorers.values():
                restorer.observe(intact, stamp)
        for number, (stamp, truth) in enumerate(film[INTACT:]):
            damaged = injector.inject(number, truth)
            found = detector.inspect(damaged.frame, stamp).pixels()
            for way, mask in zip(WAYS, (damaged.mask, found), strict=True):
                shown = _serve(restorers[way], damaged.frame, mask, stamp)
                if damaged.mask.any():
                    rows.append({
                        'clip': task.clip.name, 'fault': fault, 'way': way, 'frame': number,
                        'psnr_lost': psnr(shown, truth, damaged.mask),
                    })  # fmt: skip
    if not rows:
        raise SourceError(f'{task.clip.name}: none of {len(film)} frames was damaged')
    return rows


def _serve(restorer: Restorer, frame: np.ndarray, mask: np.ndarray, stamp: float) -> np.ndarray:
    """Do what the node does with a frame whose mask it has."""
    if mask.any():
        return restorer.restore(frame, mask, stamp).frame
    restorer.observe(frame, stamp)
    return frame


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Give the lines of a Markdown table: means over the frames of a clip, then over clips."""
    yield '| fault | masks told, dB | found, dB | difference |'
    yield '|---|---|---|---|'
    scores = {}
    for fault in dict.fromkeys(row['fault'] for row in rows):
        of_fault = [row for row in rows if row['fault'] == fault]
        scores[fault] = [mean_over_clips(of_fault, way) for way in WAYS]
    for name, (told, found) in scores.items():
        yield f'| `{name}` | {told:.2f} | {found:.2f} | {found - told:+.2f} |'
    told, found = np.mean(list(scores.values()), 0)
    yield f'| **all** | **{told:.2f}** | **{found:.2f}** | **{found - told:+.2f}** |'


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(
        prog='python -m siammcvae_core.evaluate.detector_ablation', description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add_usual(p)
    p.add_argument(
        '--faults',
        default=','.join(SPECS),
        metavar='FAULT,…',
        help='faults of docs/faults.md (default: %(default)s)',
    )
    p.add_argument('--frames', type=int, default=40, help='of each clip (default: %(default)s)')
    p.add_argument('--skip', type=int, default=10, help='frames before (default: %(default)s)')
    p.add_argument('--probability', type=float, default=0.3, help='of damage (default: 0.3)')
    p.add_argument('--burst', type=int, default=10, help='frames a fault lasts (default: 10)')
    return p  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Score and print the table; 0 when done, 2 for input that cannot be used."""
    options = parser().parse_args(arguments)
    try:
        if options.frames < 1 or options.skip < 0 or options.jobs < 1:
            raise InputError('--frames and --jobs must be 1 or more, --skip 0 or more')
        faults = tuple(parse_list(options.faults, '--faults'))
        FaultInjector(faults, options.probability, 0, options.burst)
        load_engine(options.weights)
        options.out.mkdir(parents=True, exist_ok=True)
        tasks = [
            Task(clip, faults, options.weights, options.skip, options.frames,
                 parse_size(options.size), options.probability, options.burst)
            for clip in find_clips(options.data, 'val')
        ]  # fmt: skip
        rows = over_clips(compare, tasks, options.jobs)
        write_csv(options.out / 'detected.csv', rows)
    except (InputError, OSError) as error:
        print(f'detected: {error}', file=sys.stderr)
        return 2
    print('\n'.join(table(rows)))
    return 0


if __name__ == '__main__':
    sys.exit(main())
