# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Command line of the demo: `python -m siammcvae_ros.tools.demo [SOURCE] --out out/demo`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
import shlex
import signal
import sys
import time
from typing import Any, NoReturn

from tqdm import tqdm

from siammcvae_core.data.sources import open_source, SIMULATED
from siammcvae_core.engines.factory import DRIVE, load_engine, NONE
from siammcvae_core.errors import InputError
from siammcvae_core.faults.camera import FaultInjector, FAULTS
from siammcvae_core.frames import Source
from siammcvae_core.report.json_csv import write_json
from siammcvae_ros.tools.dds_domain import machine, ros_distro
from siammcvae_ros.tools.demo.account import methods
from siammcvae_ros.tools.demo.folder import Folder
from siammcvae_ros.tools.demo.page import page_of
from siammcvae_ros.tools.demo.result import headline, problems, summarise
from siammcvae_ros.tools.demo.review import recorded, review
from siammcvae_ros.tools.demo.score import drive, Judge
from siammcvae_ros.tools.processes import ProcessError

DEFAULT_FAULTS = ('random:0.75', 'band:0.25', 'slices:0.3', 'block:0.2', 'full', 'freeze')
NANO = 10**9

DESCRIPTION = """\
Play a drive through the real restore node over DDS, damage it on the way, and report how well it
was restored. Needs no camera, GPU or configuration; uses a DDS domain of its own on this host.

Writes into the output folder: restored/ (a rosbag2 of what the node published), side_by_side.mp4
(damaged | restored | truth), report.html, report.json, and the logs and parameters of both nodes.
"""
EPILOG = """\
examples:
  python -m siammcvae_ros.tools.demo                           the rendered drive
  python -m siammcvae_ros.tools.demo drive.mp4 --frames 200    the start of a video
  python -m siammcvae_ros.tools.demo my_bag --topic /front/image_raw
  python -m siammcvae_ros.tools.demo sim:night --faults full --burst 5 --probability 0.2

exit status: 0 all frames accounted for, kept pixels exact; 1 not so; 2 input that cannot be used.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f'demo: {message} (see --help)\n')


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = _Parser(
        prog='python -m siammcvae_ros.tools.demo',
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument(
        'source',
        nargs='?',
        default='sim',
        help="video file, rosbag2, folder of images, 'sim' or 'sim:night' (default: %(default)s)",
    )
    p.add_argument('--topic', default='', help='image topic of a bag that has several')
    p.add_argument(
        '--out',
        type=Path,
        default=Path('out/demo'),
        help='output folder; an earlier demo in it is replaced (default: %(default)s)',
    )
    p.add_argument('--frames', type=int, default=0, metavar='N', help='play only the first N')
    p.add_argument(
        '--max-hz',
        type=float,
        default=10.0,
        metavar='HZ',
        help='play no faster than this, stamps unchanged (default: %(default)s)',
    )
    p.add_argument(
        '--faults',
        nargs='+',
        default=list(DEFAULT_FAULTS),
        metavar='FAULT',
        help=f'faults to draw from, of {", ".join(FAULTS)}, with a ratio after a colon '
        f'(default: {" ".join(DEFAULT_FAULTS)})',
    )
    p.add_argument(
        '--probability',
        type=float,
        default=0.4,
        metavar='P',
        help='share of the frames that are damaged (default: %(default)s)',
    )
    p.add_argument(
        '--burst',
        type=int,
        default=2,
        metavar='N',
        help='frames a fault lasts (default: %(default)s)',
    )
    p.add_argument('--seed', type=int, default=0, help='seed of the faults (default: %(default)s)')
    p.add_argument(
        '--weights',
        default='',
        metavar='FILE',
        help="model to restore with (default: that of the package, where there is PyTorch); 'none' "
        'for motion alone',
    )
    return p  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; exit status as told by --help."""
    options = parser().parse_args(arguments)
    # A plain kill must end the child processes too: make it an exception like Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return run(options)
    except InputError as error:
        print(f'demo: {error}', file=sys.stderr)
        return 2
    except ProcessError as error:
        print(f'demo: {error}', file=sys.stderr)
        return 1
    except OSError as error:  # the disk is full, say
        print(f'demo: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('demo: interrupted', file=sys.stderr)
        return 130


def run(options: argparse.Namespace) -> int:
    """Play, judge and report. Raises InputError for what the user can mend, else ProcessError."""
    source = _check(options)
    play = _ros()
    folder = Folder(options.out)
    folder.prepare()
    origin = int(time.time())
    count = min(options.frames or len(source), len(source))
    seconds = count / min(options.max_hz, source.rate)
    print(f'Playing {source.name}: {count} frames, about {seconds:.0f} s, then judging them.')
    played = play.play(
        play.Drive(
            source=_absolute(options.source),
            topic=options.topic,
            frames=options.frames,
            max_hz=options.max_hz,
            faults=options.faults,
            probability=options.probability,
            burst=options.burst,
            seed=options.seed,
            weights=_weights(options.weights),
            stamp_origin=origin,
        ),
        folder,
        count,
    )
    if not played.recorded:
        raise ProcessError(f'the node let no frame out; its log: {folder.node_log}')
    sent = drive(source, _injector(options), options.frames, origin * NANO)
    images = recorded(folder.bag, f'{play.CAMERA}/restored/image_raw')
    masks = recorded(folder.bag, f'{play.CAMERA}/restored/mask')
    verdicts, album = review(
        tqdm(sent, total=count, desc='judging', unit='frame', disable=None),
        images,
        masks,
        Judge(methods(played.accounts)),
        folder.video,
        source.rate,
    )
    report = summarise(verdicts, played.account, played.recorded)
    troubles = problems(report, played.account, not (images.exhausted and masks.exhausted))
    if source.broken:
        troubles.append(f'the source ends early: {source.broken}')
    report |= {'problems': troubles, **_conditions(options, source, played)}
    write_json(folder.json, report)
    page_of(report, troubles, verdicts, album).write(folder.page)
    print(f'\n{headline(report)}')
    for trouble in troubles:
        print(f'PROBLEM: {trouble}')
    print(f'\n  {folder.page}\n  {folder.video}\n  {folder.bag}')
    return 1 if troubles else 0


def _check(options: argparse.Namespace) -> Source:
    """Try everything the user chose before anything is started."""
    if options.frames < 0:
        raise InputError(f'--frames must be 0 (all) or more, got {options.frames}')
    if not 0 < options.max_hz <= 1000:
        raise InputError(f'--max-hz must be in (0, 1000], got {options.max_hz:g}')
    _injector(options)
    load_engine(options.weights)
    source = open_source(options.source, options.topic)
    if Path(_absolute(options.source)).resolve().is_relative_to(options.out.resolve()):
        raise InputError(f'{options.source} lies in {options.out}, which the demo replaces')
    if next(iter(source), None) is None:
        raise InputError(f'{options.source}: {source.broken or "no frames"}')
    return source


def _ros() -> Any:
    """Import what needs ROS 2."""
    try:
        from siammcvae_ros.tools.demo import play
    except ImportError as error:
        raise InputError(f'ROS 2 is needed: source it, or use `make demo` ({error})') from error
    return play


def _injector(options: argparse.Namespace) -> FaultInjector:
    return FaultInjector(options.faults, options.probability, options.seed, options.burst)


def _absolute(path: str) -> str:
    """Make a path good for any working folder; what is no path stays as it is."""
    return path if path in SIMULATED else str(Path(path).expanduser().absolute())


def _weights(path: str) -> str:
    """Make the path of weights good for any working folder; names of weights stay as they are."""
    return path if path in ('', DRIVE, NONE) else str(Path(path).expanduser().absolute())


def _conditions(options: argparse.Namespace, source: Source, played: Any) -> dict[str, Any]:
    """Say under which conditions the numbers were measured."""
    command = ['python', '-m', 'siammcvae_ros.tools.demo', *sys.argv[1:]]
    return {
        'source': source.name,
        'width': source.size[0],
        'height': source.size[1],
        'rate': source.rate,
        'max_hz': options.max_hz,
        'fault_choice': options.faults,
        'fault_probability': options.probability,
        'fault_burst': options.burst,
        'seed': options.seed,
        'engine': played.engine.get('name', 'unknown'),
        'engine_details': played.engine,
        'rmw': played.rmw,
        'ros_distro': ros_distro(),
        'machine': machine(),
        'reproduce': [shlex.join(command), f'ros2 bag play {options.out / "restored"}'],
    }


if __name__ == '__main__':
    sys.exit(main())
