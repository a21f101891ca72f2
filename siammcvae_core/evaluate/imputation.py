# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Interpolation, extrapolation and imputation of clips: `python -m …evaluate.imputation`."""

import argparse
from collections.abc import Mapping, Sequence
import json
from pathlib import Path
import sys

import numpy as np
import torch
from tqdm import tqdm

from siammcvae_core.baselines.ode2_facvae import Ode2FacVAE
from siammcvae_core.baselines.ode2_profile import Ode2Profile
from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.commands.values import parse_numbers
from siammcvae_core.data.layouts import find_clips
from siammcvae_core.data.pairs import distinct_frames
from siammcvae_core.data.sources import open_source
from siammcvae_core.engines.factory import find_weights
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.evaluate.imputation_tasks import (
    patches_lost,
    predict,
    SCALE,
    scores,
    TASKS,
    windows,
)
from siammcvae_core.evaluate.methods import EvaluatedMethod, load
from siammcvae_core.evaluate.samples import fit
from siammcvae_core.files import expand_user, write_whole
from siammcvae_core.frames import Frame
from siammcvae_core.model.checkpoint import load_model

DESCRIPTION = """\
Score Ode2-FacVAE on clips: five known frames, MISSING ones, five known ones. Extrapolation asks for
the last missing frame, interpolation for the middle one, imputation for the last one with half of
its patches seen; beside it stand the classical methods, drive, and the auto-encoder alone
(ceiling). Prints PSNR of lost pixels at the model's size and at whole size, means over the clips.
"""


def parser() -> CommandParser:
    """Describe the command line."""
    p = CommandParser('siammcvae_core.evaluate.imputation', DESCRIPTION)
    p.add_argument('--data', required=True, help='clips, as of evaluate')
    p.add_argument('--weights', required=True, help='of ode2_facvae: a file or the folder of a run')
    p.add_argument('--missing', default='1,2,4,8,15', help='frames (default: %(default)s)')
    p.add_argument('--windows', type=int, default=4, help='of a clip (default: %(default)s)')
    p.add_argument(
        '--drive', default='drive', help="weights of drive, or 'none' (default: %(default)s)"
    )
    p.add_argument('--out', type=Path, help='file for the scores of all windows, JSON')
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Score and print; exit status 2 for input that cannot be used."""
    return parser().run(evaluate, arguments)


def evaluate(options: argparse.Namespace) -> None:
    """Score all clips. Raises InputError for what the user can mend."""
    missing = parse_numbers(options.missing, '--missing')
    if min(missing) < 1 or options.windows < 1:
        raise InputError('--missing and --windows must be 1 or more')
    torch.set_num_threads(1)
    weights = expand_user(options.weights)
    weights = weights / 'best.safetensors' if weights.is_dir() else weights
    network = load_model(weights, Ode2FacVAE, Ode2Profile)
    drive = None
    if options.drive != 'none':
        drive = load(EvaluatedMethod('drive'), find_weights(options.drive))
    size, patch = network.profile.size, network.profile.patch
    rows = []
    for clip in tqdm(find_clips(options.data, '--data'), unit='clip', disable=None):
        try:
            source = open_source(clip.path)
            frames = [
                Frame(f.index, f.stamp, fit(f.image, (size[0] * SCALE, size[1] * SCALE)))
                for f in distinct_frames(source)
            ]
        except SourceError as error:
            print(f'skipped: {error}', file=sys.stderr)
            continue
        for count in missing:
            for number, window in enumerate(windows(frames, count, options.windows)):
                lost = patches_lost(size, patch, number)
                for task in TASKS:
                    scored = scores(*predict(task, window, network, drive, lost), size)
                    about = {'clip': clip.name, 'task': task, 'missing': count}
                    rows += [
                        {**about, 'method': name, 'whole': whole, 'small': small}
                        for name, (whole, small) in scored.items()
                    ]
    if not rows:
        raise InputError(f'--data {options.data}: no clip is as long as a window')
    if options.out:
        write_whole(expand_user(options.out), json.dumps(rows).encode())
    for measure in ('small', 'whole'):
        shape = size if measure == 'small' else (size[0] * SCALE, size[1] * SCALE)
        print_table(rows, measure, f'{shape[1]} x {shape[0]}', missing)


def print_table(
    rows: Sequence[Mapping[str, object]], measure: str, title: str, missing: Sequence[int]
) -> None:
    """Print a table in Markdown: means over the windows of a clip, then over clips, in dB."""
    print(f'\n| PSNR of lost pixels, {title} | ' + ' | '.join(map(str, missing)) + ' |')
    print('|---' * (1 + len(missing)) + '|')
    pairs = dict.fromkeys((row['task'], row['method']) for row in rows)
    for task, method in sorted(pairs, key=lambda pair: TASKS.index(str(pair[0]))):
        cells = []
        for count in missing:
            by_clip: dict[object, list[float]] = {}
            for row in rows:
                if (row['task'], row['method'], row['missing']) == (task, method, count):
                    by_clip.setdefault(row['clip'], []).append(float(str(row[measure])))
            means = [np.mean(values) for values in by_clip.values()]
            cells.append(f'{np.mean(means):.2f}' if means else '–')
        print(f'| {task}: {method} | ' + ' | '.join(cells) + ' |')


if __name__ == '__main__':
    sys.exit(main())
