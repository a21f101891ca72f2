# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One job per clip, in several processes; clips that cannot be used are told and left out.

Commands that restore clips under some fault and score what comes of it share all this.
"""

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from functools import partial
import multiprocessing
from pathlib import Path
import sys
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from siammcvae_core.errors import InputError, SourceError

Row = dict[str, Any]
T = TypeVar('T')


def add_usual(parser: ArgumentParser) -> None:
    """Add the options that every such command has."""
    parser.add_argument('--data', required=True, nargs='+', metavar='DIR', help='clips')
    parser.add_argument(
        '--out', required=True, type=Path, metavar='DIR', help='where the results go'
    )
    parser.add_argument(
        '--weights',
        default='',
        metavar='FILE',
        help="model (default: that of the package, with PyTorch); 'none' for motion alone",
    )
    parser.add_argument('--size', default='640x368', metavar='WxH', help='(default: %(default)s)')
    parser.add_argument('--jobs', type=int, default=1, help='processes (default: %(default)s)')


def over_clips(work: Callable[[T], list[Row]], tasks: Sequence[T], jobs: int) -> list[Row]:
    """Collect the rows that `work`, a function of a module, makes of every task.

    A SourceError leaves its task out; raises InputError if that leaves nothing.
    """
    rows: list[Row] = []
    with multiprocessing.get_context('spawn').Pool(jobs) as pool:
        done = pool.imap(partial(_rows_or_fault, work), tasks)
        for made in tqdm(done, 'restoring', len(tasks), unit='clip', disable=None):
            if isinstance(made, str):
                tqdm.write(f'left out: {made}', file=sys.stderr)
            else:
                rows += made
    if not rows:
        raise InputError(f'none of {len(tasks)} clips can be used')
    return rows


def mean_over_clips(rows: Sequence[Row], way: str) -> float:
    """Average `psnr_lost` of the rows of one `way`: over the frames of clips, then over clips."""
    clips: dict[str, list[float]] = {}
    for row in rows:
        if row['way'] == way:
            clips.setdefault(row['clip'], []).append(row['psnr_lost'])
    return float(np.mean([np.mean(values) for values in clips.values()]))


def _rows_or_fault(work: Callable[[T], list[Row]], task: T) -> list[Row] | str:
    try:
        return work(task)
    except SourceError as error:
        return str(error)
