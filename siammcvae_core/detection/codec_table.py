# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How well the codec's masks fit what packet loss makes wrong, as a Markdown table.

`python -m siammcvae_core.detection.codec_table --data DIR`: every clip is encoded anew, sent by RTP
over UDP on loopback through a relay that loses packets, and decoded with and without the loss.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from pathlib import Path
import sys
import zlib

import cv2
import numpy as np

from siammcvae_core.commands.jobs import add_job_options, run_jobs, WorkerError
from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.data.pairs import to_core
from siammcvae_core.data.sources import open_source
from siammcvae_core.detection.codec_trial import (
    CodecCounts,
    count_stream,
    decode_all,
    encode_clip,
    StreamSetting,
)

DESCRIPTION = """\
Measure the masks that a lossy stream's codec gives; prints Markdown. Cells of 16 px are compared
with the lossless decode of the same stream: `mean` counts those that are off by more than 8 grey
levels on average, in the channel that differs most, `largest` those that are so anywhere, `at all`
those that differ.
"""
LOSSES = (0.0, 0.001, 0.01, 0.05)
BURSTS = (1.0, 5.0)
CODING = (*product(('h264',), (1, 4), (0, 2)), *product(('hevc',), (1,), (0, 2)))


@dataclass(frozen=True)
class CodecTrial:
    """A clip of which `frames` frames are sent, at `bits` per second, width x height at most."""

    path: Path
    frames: int
    bits: float
    width: int
    seed: int


def count_clip(trial: CodecTrial) -> dict[StreamSetting, CodecCounts]:
    """Send one clip with every setting; raises SourceError if it cannot be read."""
    source = open_source(trial.path)
    frames = [to_core(frame) for frame in islice(source, trial.frames)]
    height, width = frames[0].shape[:2]
    if width > trial.width:
        size = (trial.width // 2 * 2, round(height * trial.width / width / 2) * 2)
        frames = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]
    frames = [f if f.ndim == 3 else cv2.cvtColor(f, cv2.COLOR_GRAY2BGR) for f in frames]
    counts = {}
    for codec, slices, bframes in CODING:
        coded = StreamSetting(codec, trial.bits, slices, bframes, 0.0, 1.0)
        pictures = encode_clip(frames, coded)
        truth = decode_all(codec, iter(pictures))
        for loss, burst in product(LOSSES, BURSTS):
            if not loss and burst > 1:
                continue
            setting = replace(coded, loss=loss, burst=burst)
            seed = zlib.crc32(f'{trial.seed} {trial.path.stem} {setting}'.encode())
            counts[setting] = count_stream(pictures, truth, setting, seed)
    return counts


def parser() -> CommandParser:
    """Describe the command line."""
    options = CommandParser('siammcvae_core.detection.codec_table', DESCRIPTION)
    options.add_argument('--data', type=Path, required=True, metavar='DIR', help='folder of videos')
    options.add_argument('--frames', type=int, default=60, help='of each clip (default: 60)')
    options.add_argument(
        '--mbit', type=float, nargs='+', default=[2.0], help='Mbit/s (default: %(default)s)'
    )
    options.add_argument('--width', type=int, default=640, help='at most (default: 640)')
    options.add_argument('--seed', type=int, default=0)
    add_job_options(options)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 0 when done, 1 if a process dies, 2 for unusable input."""
    return parser().run(measure, arguments, failures=(WorkerError,))


def measure(options: argparse.Namespace) -> None:
    """Count on all clips and print the table; raises InputError and OSError."""
    trials = [
        CodecTrial(path, options.frames, mbit * 1e6, options.width, options.seed)
        for path in sorted(options.data.iterdir())
        for mbit in options.mbit
    ]
    clips = [trial.path.stem for trial in trials]
    results = run_jobs(count_clip, trials, clips, options.jobs, options.cluster, 'sending')
    totals: dict[StreamSetting, CodecCounts] = {}
    for counts in results:
        for setting, one in counts.items():
            totals[setting] = totals.get(setting, CodecCounts()) + one
    print(table(totals))


def table(totals: dict[StreamSetting, CodecCounts]) -> str:
    """Write counts by setting as Markdown."""
    lines = [
        '| codec | Mbit/s | slices | B-frames | packets lost | burst | recall, mean | largest | '
        'precision, mean | largest | at all | flagged |',
        '|---|---|---|---|---|---|---|---|---|---|---|---|',
    ]
    for setting, counts in totals.items():
        shares = (*counts.recall()[:2], *counts.precision()[:3])
        numbers = ' | '.join('n/a' if np.isnan(share) else f'{share:.3f}' for share in shares)
        lines.append(
            f'| {setting.codec} | {setting.bits / 1e6:g} | {setting.slices} | {setting.bframes} | '
            f'{setting.loss:.1%} | {setting.burst:g} | {numbers} | {counts.recall()[3]:.2%} |'
        )
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(main())
