# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the commands share that restore clips in one scenario: options, and means over clips."""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from siammcvae_core.commands.jobs import add_job_options

Row = dict[str, Any]


def add_scenario_options(parser: ArgumentParser) -> None:
    """Add clips, output folder, weights, size, and the options for processes."""
    parser.add_argument('--data', required=True, nargs='+', metavar='DIR', help='clips')
    parser.add_argument(
        '--out', required=True, type=Path, metavar='DIR', help='where the results go'
    )
    parser.add_argument(
        '--weights',
        default='',
        metavar='FILE',
        help='model, a file or a name in the package (default: drive, with PyTorch); '
        "'none' for motion alone",
    )
    parser.add_argument('--size', default='640x368', metavar='WxH', help='(default: %(default)s)')
    add_job_options(parser)


def mean_over_clips(rows: Sequence[Row], way: str) -> float:
    """Average `psnr_lost` of the rows of one `way`: over the frames of clips, then over clips."""
    clips: dict[str, list[float]] = {}
    for row in rows:
        if row['way'] == way:
            clips.setdefault(row['clip'], []).append(row['psnr_lost'])
    return float(np.mean([np.mean(values) for values in clips.values()]))
