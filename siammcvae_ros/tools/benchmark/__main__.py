# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the restore node costs a stream: `python -m siammcvae_ros.tools.benchmark --help`.

Cameras in this process, the node in its own, real DDS between them: frames delivered, the time
the node adds, and the memory it gains. With --restart, how soon the stream is back.
"""

import argparse
from collections.abc import Sequence
import json
import sys

from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.commands.values import parse_size
from siammcvae_ros.frame_path.inspection import DetectorMode
from siammcvae_ros.tools.benchmark import restart, stream
from siammcvae_ros.tools.processes import ProcessError

DESCRIPTION = """\
Times the restore node in the streams of cameras that take frames together. passed_ms and
restored_ms are what the node adds, from the arrival of a message to the end of publishing, stage.*
where that time goes, and overhead_ms the sum of all stages of restored frames but the restorer, at
most; of several cameras the slowest counts. end_to_end_ms is from publishing a frame to receiving
it back, two trips over DDS included.
"""


def _parser() -> CommandParser:
    parser = CommandParser('siammcvae_ros.tools.benchmark', DESCRIPTION)
    parser.add_argument('--size', default='1280x720', help='width x height (default %(default)s)')
    parser.add_argument('--hz', type=float, default=30.0, help='frames per second of a camera')
    parser.add_argument('--frames', type=int, default=2000, help='frames to send from each camera')
    parser.add_argument('--cameras', type=int, default=1, help='cameras (default %(default)s)')
    parser.add_argument(
        '--damaged', type=int, default=1, help='cameras that --lost is about (default %(default)s)'
    )
    parser.add_argument(
        '--lost', type=float, default=0.0, help='share of rows lost in damaged frames'
    )
    parser.add_argument(
        '--intact-every',
        type=int,
        default=2,
        help='which frames of a damaged camera are intact (default: every %(default)snd)',
    )
    parser.add_argument(
        '--best-effort', action='store_true', help='subscribe as the node does by default'
    )
    parser.add_argument(
        '--detector',
        choices=[mode.value for mode in DetectorMode],
        default=DetectorMode.OFF.value,
        help='the parameter of the node (default %(default)s)',
    )
    parser.add_argument(
        '--weights', default='none', help='the parameter of the node (default %(default)s)'
    )
    parser.add_argument(
        '--workers', type=int, default=0, help='the parameter of the node (default %(default)s)'
    )
    parser.add_argument(
        '--restart',
        type=int,
        metavar='ROUNDS',
        default=0,
        help='instead, kill camera, fault monitor and node, in every order so many times, start '
        'them again, and measure how long the stream is interrupted; of the options above only '
        '--weights counts',
    )
    parser.add_argument(
        '--own-clock',
        action='store_true',
        help="with --restart: the camera's clock starts again with the camera",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; print its row as JSON, or the table of restarts. 1 if the node fails."""
    parser = _parser()

    def command(options: argparse.Namespace) -> None:
        if options.cameras < 1 or options.frames < 1 or not options.hz > 0:
            parser.error('--cameras, --frames and --hz must be positive')
        if not 0 <= options.damaged <= options.cameras or options.intact_every < 1:
            parser.error('--damaged must be 0 to --cameras, --intact-every 1 or more')
        if options.restart > 0:
            cases = restart.run(options.weights, options.restart, options.own_clock)
            print('\n'.join(restart.table(cases)))
        else:
            print(json.dumps(stream.run(_load(options)), indent=2))

    return parser.run(command, arguments, failures=(ProcessError,))


def _load(options: argparse.Namespace) -> stream.Load:
    height, width = parse_size(options.size)
    return stream.Load(
        (width, height),
        options.hz,
        options.frames,
        options.cameras,
        options.damaged if options.lost else 0,
        options.lost,
        options.intact_every,
        options.best_effort,
        options.detector,
        options.weights,
        options.workers,
    )


if __name__ == '__main__':
    sys.exit(main())
