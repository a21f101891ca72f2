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
from typing import Any

from tqdm import tqdm

from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.data.bags import BagImages
from siammcvae_core.data.sources import is_simulated, open_source
from siammcvae_core.engines.factory import load_engine, NONE, shipped
from siammcvae_core.errors import InputError
from siammcvae_core.faults.camera import FaultInjector, FAULTS
from siammcvae_core.files import expand_user
from siammcvae_core.frames import Source
from siammcvae_core.report.json_csv import write_json
from siammcvae_ros.tools.dds_domain import machine, ros_distro
from siammcvae_ros.tools.demo.diagnostics import restoring_methods
from siammcvae_ros.tools.demo.folder import OutputFolder
from siammcvae_ros.tools.demo.page import build_page
from siammcvae_ros.tools.demo.review import review
from siammcvae_ros.tools.demo.score import FrameScorer, RecordedFrames, sent_frames
from siammcvae_ros.tools.demo.summary import headline, list_problems, slowness_advice, summarise
from siammcvae_ros.tools.processes import ProcessError

DEFAULT_FAULTS = ('random:0.75', 'band:0.25', 'slices:0.3', 'block:0.2', 'full', 'freeze')
NANO = 10**9

DESCRIPTION = """\
Plays a drive through the real restore node over DDS, damages it on the way, and reports how well
it was restored. Needs no camera, GPU or configuration; uses a DDS domain of its own on this host.

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


def _parser() -> CommandParser:
    p = CommandParser('siammcvae_ros.tools.demo', DESCRIPTION, EPILOG)
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
        help='model to restore with, a file or a name in the package (default: drive, where there '
        "is PyTorch); 'none' for motion alone",
    )
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; exit status as --help says."""
    # A plain kill must end the child processes too: make it an exception like Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return _parser().run(run, arguments, failures=(ProcessError, OSError))


def run(options: argparse.Namespace) -> int:
    """Play, score and report. InputError where the input cannot be used, ProcessError later."""
    source = _check(options)
    play = _import_ros()
    folder = OutputFolder(options.out)
    folder.prepare()
    origin = int(time.time())
    count = min(options.frames or len(source), len(source))
    hz = min(options.max_hz, source.rate)
    print(f'Playing {source.name}: {count} frames, about {count / hz:.0f} s, then scoring them.')
    settings = play.PlaySettings(
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
    )
    played = play.play(settings, folder, count)
    if not played.recorded:
        raise ProcessError(f'the node published no frame; its log: {folder.node_log}')
    images, masks = (
        RecordedFrames(BagImages(folder.bag, f'{play.CAMERA}/restored/{topic}'))
        for topic in ('image_raw', 'mask')
    )
    sent = sent_frames(source, _injector(options), options.frames, origin * NANO)
    scores, examples = review(
        tqdm(sent, total=count, desc='scoring', unit='frame', disable=None),
        images,
        masks,
        FrameScorer(restoring_methods(played.history)),
        folder.video,
        source.rate,
    )
    report = summarise(scores, played.diagnostics, played.recorded)
    unmatched = not (images.exhausted and masks.exhausted)
    problems = list_problems(report, played.diagnostics, unmatched)
    if source.broken:
        problems.append(f'the source ends early: {source.broken}')
    report |= {'problems': problems, **_conditions(options, source, played)}
    write_json(folder.json, report)
    advice = slowness_advice(played.diagnostics, hz)
    build_page(report, problems, scores, examples, advice).write(folder.page)
    print('\n'.join(['', headline(report), *filter(None, [advice])]))
    for problem in problems:
        print(f'PROBLEM: {problem}')
    print(f'\n  {folder.page}\n  {folder.video}\n  {folder.bag}')
    return 1 if problems else 0


def _check(options: argparse.Namespace) -> Source:
    """Check every option before anything is started."""
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


def _import_ros() -> Any:
    """Import the module that needs ROS 2."""
    try:
        from siammcvae_ros.tools.demo import play
    except ImportError as error:
        raise InputError(f'ROS 2 is needed: source it, or use `make demo` ({error})') from error
    return play


def _injector(options: argparse.Namespace) -> FaultInjector:
    return FaultInjector(options.faults, options.probability, options.seed, options.burst)


def _absolute(path: str) -> str:
    """Make the path of a source absolute; 'sim' and its like stay as they are."""
    return path if is_simulated(path) else str(expand_user(path).absolute())


def _weights(path: str) -> str:
    """Make the path of weights absolute; names of weights stay as they are."""
    return path if path in ('', NONE) or shipped(path) else str(expand_user(path).absolute())


def _conditions(options: argparse.Namespace, source: Source, played: Any) -> dict[str, Any]:
    """Describe the conditions under which the numbers were measured, for the report."""
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
