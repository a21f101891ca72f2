# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Command line for faults that last: `python -m siammcvae_core.evaluate.persistent_faults`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys
from typing import Any, NamedTuple
import zlib

from matplotlib.figure import Figure
import numpy as np

from siammcvae_core.commands.jobs import run_usable, WorkerError
from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.commands.values import parse_size
from siammcvae_core.data.layouts import Clip, find_clips
from siammcvae_core.data.pairs import distinct_frames, NANO
from siammcvae_core.data.sources import open_source
from siammcvae_core.engines.factory import load_engine
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.evaluate.findings import add_detector_option, load_detector
from siammcvae_core.evaluate.plan import parse_masks
from siammcvae_core.evaluate.samples import fit
from siammcvae_core.evaluate.scenario import add_scenario_options, mean_over_clips, Row
from siammcvae_core.evaluate.tracks import TrackScores
from siammcvae_core.faults.camera import damage
from siammcvae_core.faults.masks import make_mask, parse_fault
from siammcvae_core.metrics import psnr
from siammcvae_core.report.json_csv import write_csv
from siammcvae_core.restore.restorer import Restorer

DESCRIPTION = """\
Score faults that last: the same pixels are lost in many frames in a row, in the middle of every
clip. Compares restoring each frame with the help of those restored before it, as the node does,
with restoring each from the last intact frames alone. Writes endure.csv and endure.png
(named as in 0.1), and with --detector tracks.csv: objects followed through the undamaged frames,
and in how many of the damaged ones they were not found again.
"""
WAYS = {'going_on': 'recurrent', 'intact_only': 'from intact frames only'}  # as in the csv, shown
INTACT = 2  # frames before the fault


class PersistentFault(NamedTuple):
    """A clip, and the masks that damage `frames` frames in its middle, one after another.

    `changing` draws other pixels in every frame. `size` is (height, width).
    """

    clip: Clip
    masks: tuple[str, ...]
    weights: str
    frames: int
    size: tuple[int, int]
    changing: bool
    detector: Path | None = None


class ClipRows(NamedTuple):
    """A row for every mask, way and damaged frame of a clip, and for every track of an object."""

    frames: list[Row]
    tracks: list[Row]


def restore_clip(task: PersistentFault) -> ClipRows:
    """Restore one clip. Raises SourceError for a clip that cannot be read or is too short."""
    engine = load_engine(task.weights)
    frames = _middle(task)
    tracks = None
    if task.detector is not None:
        tracks = TrackScores(load_detector(task.detector), [truth for _, truth in frames])
    rows = []
    for spec in task.masks:
        rng = np.random.default_rng(zlib.crc32(f'{task.clip.name} {spec}'.encode()))
        constant = make_mask(spec, task.size, rng)
        restorers = {way: _before_the_fault(frames, engine) for way in WAYS}
        for number, (stamp, truth) in enumerate(frames[INTACT:]):
            mask = make_mask(spec, task.size, rng) if task.changing else constant
            frame = damage(truth, mask, parse_fault(spec)[0], rng)
            for way in WAYS:
                if way == 'intact_only':
                    restorers[way] = _before_the_fault(frames, engine)
                restored = restorers[way].restore(frame, mask, stamp)
                rows.append({
                    'clip': task.clip.name, 'mask': spec, 'way': way, 'frame': number + 1,
                    'rung': restored.method.value, 'psnr_lost': psnr(restored.frame, truth, mask),
                })  # fmt: skip
                if tracks is not None:
                    tracks.add((spec, way), INTACT + number, restored.frame, mask)
    scored = [] if tracks is None else tracks.rows()
    head = {'clip': task.clip.name}
    return ClipRows(rows, [head | {'mask': m, 'way': way} | row for (m, way), row in scored])


def _middle(task: PersistentFault) -> list[tuple[float, np.ndarray]]:
    """Read the frames around the middle of a clip, with their stamps in seconds."""
    count = sum(1 for _ in distinct_frames(open_source(task.clip.path)))
    needed = INTACT + task.frames
    if count < needed:
        raise SourceError(f'has {count} distinct frames, {needed} are needed')
    first = (count - needed) // 2
    frames = enumerate(distinct_frames(open_source(task.clip.path)))
    return [
        (frame.stamp / NANO, fit(frame.image, task.size))
        for number, frame in frames
        if first <= number < first + needed
    ]


def _before_the_fault(frames: Sequence[tuple[float, np.ndarray]], engine: Any) -> Restorer:
    """Return a restorer that has observed the intact frames."""
    restorer = Restorer(engine, max_reference_age=float('inf'))
    for stamp, frame in frames[:INTACT]:
        restorer.observe(frame, stamp)
    return restorer


def means(rows: Sequence[Row], **where: Any) -> dict[str, float]:
    """Average over frames, then over clips; by way."""
    chosen = [row for row in rows if where.items() <= row.items()]
    return {way: mean_over_clips(chosen, way) for way in WAYS}


def print_tracks(rows: Sequence[Row]) -> None:
    """Print how many tracks are broken, by mask and way."""
    for mask in dict.fromkeys(row['mask'] for row in rows):
        for way, shown in WAYS.items():
            own = [row for row in rows if (row['mask'], row['way']) == (mask, way)]
            broken = [row['broken'] for row in own if row['broken']]
            print(
                f'{mask}: {shown}: {len(broken)} of {len(own)} tracks broken, '
                f'{sum(broken)} of {sum(row["frames"] for row in own)} frames'
            )


def plot(rows: Sequence[Row], masks: Sequence[str], frames: int) -> Figure:
    """Draw the score over the frames since the fault began."""
    figure = Figure(figsize=(5.5 * len(masks), 4), layout='constrained')
    for axes, spec in zip(np.atleast_1d(figure.subplots(1, len(masks))), masks, strict=True):
        numbers = range(1, frames + 1)
        series = [means(rows, mask=spec, frame=number) for number in numbers]
        for way in WAYS:
            axes.plot(numbers, [point[way] for point in series], label=WAYS[way])
        axes.set(title=spec, xlabel='frames since the fault began', ylabel='lost pixels, dB')
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def parser() -> CommandParser:
    """Describe the command line."""
    options = CommandParser('siammcvae_core.evaluate.persistent_faults', DESCRIPTION)
    add_scenario_options(options)
    options.add_argument(
        '--masks',
        default='block:0.2,dirt:0.2',
        metavar='NAME:RATIO,…',
        help='(default: %(default)s)',
    )
    options.add_argument(
        '--frames', type=int, default=30, help='a fault lasts (default: %(default)s)'
    )
    add_detector_option(options)
    options.add_argument('--wander', action='store_true', help='lose other pixels in every frame')
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Score and print a table; 0 when done, 1 if a process dies, 2 for unusable input."""
    return parser().run(score, arguments, failures=(WorkerError,))


def score(options: argparse.Namespace) -> None:
    """Score all clips, write the files and print the means; raises InputError."""
    if options.frames < 1:
        raise InputError('--frames must be 1 or more')
    masks, size = parse_masks(options.masks), parse_size(options.size)
    load_engine(options.weights)
    if options.detector is not None:
        load_detector(options.detector)
    options.out.mkdir(parents=True, exist_ok=True)
    clips = find_clips(options.data, 'val')
    tasks = [
        PersistentFault(
            clip, masks, options.weights, options.frames, size, options.wander, options.detector
        )
        for clip in clips
    ]
    names = [clip.name for clip in clips]
    parts = run_usable(restore_clip, tasks, names, options.jobs, options.cluster, 'restoring')
    rows = [row for part in parts for row in part.frames]
    write_csv(options.out / 'endure.csv', rows)
    plot(rows, masks, options.frames).savefig(options.out / 'endure.png', dpi=110)
    for spec in masks:
        averages = means(rows, mask=spec)
        by_way = ', '.join(f'{shown} {averages[way]:.2f} dB' for way, shown in WAYS.items())
        print(f'{spec}: {by_way}: {averages["going_on"] - averages["intact_only"]:+.2f} dB')
    if options.detector is not None:
        tracks = [row for part in parts for row in part.tracks]
        write_csv(options.out / 'tracks.csv', tracks)
        print_tracks(tracks)
    print(options.out / 'endure.png')


if __name__ == '__main__':
    sys.exit(main())
