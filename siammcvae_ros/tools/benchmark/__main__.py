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

from siammcvae_core.errors import InputError
from siammcvae_ros.frame_path.inspection import DetectorMode
from siammcvae_ros.tools.benchmark import restart as benchmark_restart
from siammcvae_ros.tools.benchmark import stream as benchmark_stream
from siammcvae_ros.tools.benchmark.stream import Load
from siammcvae_ros.tools.processes import ProcessError


def size(text: str) -> tuple[int, int]:
    """Read `WIDTHxHEIGHT` in pixels; ValueError otherwise."""
    width, height = text.split('x')
    return int(width), int(height)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m siammcvae_ros.tools.benchmark',
        description='Times the restore node in the streams of cameras that take frames together. '
        'passed_ms and restored_ms are what the node adds, from the arrival of a message to the '
        'end of publishing, stage.* where that time goes, and overhead_ms what the stages of '
        'restored frames but the restorer add up to, at most; of several cameras the worst counts. '
        'end_to_end_ms is from publishing a frame to receiving it back, two trips over DDS '
        'included.',
    )
    parser.add_argument(
        '--size', type=size, default='1280x720', help='width x height (default %(default)s)'
    )
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
        help='kill camera, fault monitor and node instead, in every order so many times, start '
        'them again, and tell how long the stream is away; of the options above only --weights '
        'counts',
    )
    parser.add_argument(
        '--own-clock',
        action='store_true',
        help="with --restart: the camera's clock begins anew with the camera",
    )
    return parser


def main(args: Sequence[str] | None = None) -> int:
    """Run the benchmark; print its row as JSON, or the table of restarts. 1 if the node fails."""
    parser = _parser()
    options = parser.parse_args(args)
    if options.cameras < 1 or options.frames < 1 or not options.hz > 0:
        parser.error('--cameras, --frames and --hz must be positive')
    if not 0 <= options.damaged <= options.cameras or options.intact_every < 1:
        parser.error('--damaged must be 0 to --cameras, --intact-every 1 or more')
    try:
        if options.restart > 0:
            cases = benchmark_restart.run(options.weights, options.restart, options.own_clock)
            print('\n'.join(benchmark_restart.table(cases)))
            return 0
        load = Load(
            options.size,
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
        print(json.dumps(benchmark_stream.run(load), indent=2))
    except InputError as error:
        print(f'benchmark: {error}', file=sys.stderr)
        return 2
    except ProcessError as error:
        print(f'benchmark: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
