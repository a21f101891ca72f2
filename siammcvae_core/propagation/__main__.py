# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measure how well trained features carry labels: `python -m siammcvae_core.propagation`."""

import argparse
from collections.abc import Sequence
import json
from pathlib import Path
import sys

import torch
from tqdm import tqdm

from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.errors import InputError
from siammcvae_core.propagation.affinity import PropagationSettings
from siammcvae_core.propagation.features import FrameEncoder, load_features
from siammcvae_core.propagation.layouts import LAYOUTS, read_videos
from siammcvae_core.propagation.scores import SCORES

SIDES = {'davis': 480, 'jhmdb': 320, 'vip': 560}
"""The shorter side frames are brought to, in pixels, as is usual for each data set."""
TOPK = {'davis': 7, 'jhmdb': 7, 'vip': 10}

DESCRIPTION = """\
Carry the labels of each video's first frame through it by similar features, and score them:
J&F of segments (DAVIS 2017), PCK of keypoints (JHMDB), mIoU of body parts (VIP). Beside the scores
of the weights stand those of labels that do not move.
"""
EPILOG = """\
examples:
  python -m siammcvae_core.propagation --data DAVIS --layout davis --weights siammae.safetensors
  python -m siammcvae_core.propagation --data JHMDB --layout jhmdb --weights mae.safetensors

exit status: 0 measured; 2 input that cannot be used.
"""


def parser() -> CommandParser:
    """Describe the command line."""
    options = CommandParser('siammcvae_core.propagation', DESCRIPTION, EPILOG)
    options.add_argument('--data', type=Path, required=True, help='top folder of the data set')
    options.add_argument('--layout', choices=LAYOUTS, required=True, help='how it is laid out')
    options.add_argument(
        '--weights', type=Path, nargs='+', required=True, help='weights files of any system'
    )
    options.add_argument(
        '--split', default='', help='videos to take (default: val, test_split1 for jhmdb)'
    )
    options.add_argument(
        '--side', type=int, default=0, metavar='PX',
        help='shorter side of the frames as the network sees them (default: 480, 320 or 560)',
    )  # fmt: skip
    options.add_argument('--topk', type=int, default=0, help='patches to take a label from')
    defaults = PropagationSettings()
    options.add_argument(
        '--queue', type=int, default=defaults.queue, help='frames before this one to use'
    )
    options.add_argument(
        '--radius', type=float, default=defaults.radius, help='of the window, in patches'
    )
    options.add_argument('--temperature', type=float, default=defaults.temperature)
    options.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    options.add_argument('--out', type=Path, metavar='FILE', help='write the scores as JSON, too')
    return options


def measure(options: argparse.Namespace) -> None:
    """Measure and print; raises InputError."""
    layout = options.layout
    settings = PropagationSettings(
        options.topk or TOPK[layout], options.queue, options.radius, options.temperature
    )
    side = options.side or SIDES[layout]
    if side < 1:
        raise InputError(f'--side must be above 0, got {side}')
    encoders: dict[str, FrameEncoder | None] = {'still labels': None}
    for path in options.weights:
        encoders[str(path)] = load_features(path, side, options.device)
    videos = read_videos(options.data, layout, options.split)
    rows = []
    for name, encoder in encoders.items():
        bar = tqdm(videos, desc=Path(name).name, unit='video', leave=False, disable=None)
        scores = SCORES[layout](bar, encoder, settings)
        rows.append({'features': name, 'videos': len(videos), **scores})
        numbers = '   '.join(f'{key} {100 * value:5.1f}' for key, value in scores.items())
        print(f'{Path(name).name:<32} {numbers}', flush=True)
    if options.out:
        report = {'layout': layout, 'side': side, **vars(settings), 'rows': rows}
        try:
            options.out.write_text(json.dumps(report, indent=2) + '\n')
        except OSError as error:
            raise InputError(f'{options.out}: cannot be written: {error.strerror}') from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; exit status as in --help."""
    return parser().run(measure, arguments)


if __name__ == '__main__':
    sys.exit(main())
