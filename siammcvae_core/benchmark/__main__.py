# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Command line for speed: `python -m siammcvae_core.benchmark --out FILE`."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
import shlex
import sys
from typing import Any

from siammcvae_core.benchmark.cases import draw_cells, MASKS, parse_cameras, parse_sizes, SIZES
from siammcvae_core.benchmark.methods import DRIVE, parse_methods, USUAL
from siammcvae_core.benchmark.page import write_page
from siammcvae_core.benchmark.runner import BenchmarkPlan, run
from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.commands.values import parse_list
from siammcvae_core.engines.factory import find_weights
from siammcvae_core.errors import InputError
from siammcvae_core.evaluate.plan import parse_masks
from siammcvae_core.report.json_csv import write_json

MODULE = 'siammcvae_core.benchmark'
DESCRIPTION = """\
Time how long restoring a damaged frame takes on this machine: the drive model by every CPU library
that is installed, and the classical baselines, on the same frames of the rendered drive (or a clip
of yours), at several sizes and damages. All take turns, so that other load on the machine affects
them alike; still, let nothing else run. A restoration begins with the references and the damaged
one, and ends with the lost pixels pasted; encoding the reference is timed apart. Beside the times:
the PSNR of lost pixels, the work of the network counted, and how its time compares to what the
machine can do at best, measured in the same process.
"""
EPILOG = """\
examples:
  %(prog)s --out out/benchmark.json
  %(prog)s --out out/benchmark.json --docs docs     # makes docs/benchmarks.md
  %(prog)s --out out/quick.json --methods openvino_float32,visible_flow --sizes 640x368 \\
      --masks random:0.75 --cameras 1,4 --repeats 10
"""


def parser() -> CommandParser:
    """Describe the command line."""
    p = CommandParser(MODULE, DESCRIPTION, EPILOG)
    _add_what_is_timed(p)
    p.add_argument(
        '--out', required=True, type=Path, metavar='FILE', help='where the rows go, as JSON'
    )
    p.add_argument(
        '--docs',
        type=Path,
        metavar='DIR',
        help='write DIR/benchmarks.md and DIR/pictures/benchmarks.png besides',
    )
    p.add_argument(
        '--repeats',
        type=int,
        default=30,
        metavar='N',
        help='frames timed of each method, damage and size; rounds of n cameras are N / n '
        '(default: %(default)s)',
    )
    p.add_argument(
        '--threads',
        type=int,
        default=1,
        metavar='N',
        help='of every library and of OpenCV (default: %(default)s)',
    )
    return p  # fmt: skip


def _add_what_is_timed(p: CommandParser) -> None:
    p.add_argument(
        '--methods',
        default=','.join(USUAL),
        metavar='NAME,…',
        help=f"'{DRIVE}' is the drive model by every library; one alone is named as in "
        'onnxruntime_float32 or torch_compiled_float32; without any of these PyTorch is not needed '
        '(default: %(default)s)',
    )
    p.add_argument(
        '--weights',
        nargs='+',
        metavar='FILE',
        default=[DRIVE],
        help='weights of a drive model, a file or a name in the package, and others to be timed '
        'beside it, whose methods are named METHOD@FILE (default: drive)',
    )
    p.add_argument('--sizes', default=SIZES, metavar='WxH,…', help='(default: %(default)s)')
    p.add_argument(
        '--masks', default=MASKS, metavar='NAME:RATIO,…', help='damage (default: %(default)s)'
    )
    p.add_argument(
        '--cameras',
        default='1',
        metavar='N,…',
        help='frames restored in a row by one engine, a frame of each camera: a round of them is '
        'timed; they are not batched (default: %(default)s)',
    )
    p.add_argument(
        '--data', default='', metavar='CLIP',
        help='video, bag or folder of images (default: the rendered drive)',
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Time and print a table; 0 when done, 2 for input that cannot be used."""
    arguments = sys.argv[1:] if arguments is None else arguments
    command = f'python -m {MODULE} {shlex.join(arguments)}'

    def run(options: argparse.Namespace) -> None:
        for line in benchmark(options, command):
            print(line)

    return parser().run(run, arguments)


def benchmark(options: argparse.Namespace, command: str) -> Iterator[str]:
    """Time all and write the files; yields a line for each result; raises InputError."""
    if options.repeats < 1 or options.threads < 1:
        raise InputError('--repeats and --threads must be 1 or more')
    if options.out.is_dir():
        raise InputError(f'--out {options.out}: is a folder, expected a file')
    sizes = parse_sizes(options.sizes)
    masks = tuple(dict.fromkeys(parse_masks(options.masks)))
    cameras = parse_cameras(options.cameras)
    classical, networks = parse_methods(parse_list(options.methods, '--methods'))
    folders = [options.out.parent, *([options.docs / 'pictures'] if options.docs else [])]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    cells = draw_cells(options.data, sizes, masks, max(cameras))
    plan = BenchmarkPlan(
        classical,
        networks,
        [find_weights(name) for name in options.weights] if networks else [],
        cells,
        cameras,
        options.repeats,
        options.threads,
    )
    report: dict[str, Any] = {'command': command, **run(plan)}
    write_json(options.out, report)
    yield from map(_line, report['rows'])
    yield str(options.out)
    if options.docs:
        yield str(write_page(options.docs, report))


def _line(row: dict[str, Any]) -> str:
    cameras = f' x{row["cameras"]}' if row['cameras'] > 1 else ''
    return (
        f'{row["size"]:>9} {row["mask"]}:{row["ratio"]:<5g}{cameras} {row["method"]:20} '
        f'p50 {row["p50_ms"]:7.1f} ms, p99 {row["p99_ms"]:7.1f} ms, {row["psnr_lost"]:.2f} dB'
    )


if __name__ == '__main__':
    sys.exit(main())
