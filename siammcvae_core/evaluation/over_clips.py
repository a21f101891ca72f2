# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One job per clip, in several processes; clips that cannot be used are told and left out."""

from collections.abc import Callable, Sequence
from functools import partial
import multiprocessing
import sys
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from siammcvae_core.errors import InputError, SourceError

Row = dict[str, Any]
T = TypeVar('T')


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
