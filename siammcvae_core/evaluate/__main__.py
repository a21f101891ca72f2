# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Command line of the evaluation: `python -m siammcvae_core.evaluate --data DIR --out DIR`."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
import os
from pathlib import Path
import platform
import shlex
import signal
import sys
from typing import Any, NoReturn

import cv2
import numpy as np

from siammcvae_core.commands.values import parse_list, parse_numbers, parse_size
from siammcvae_core.data.layouts import find_clips
from siammcvae_core.data.pairs import Gap
from siammcvae_core.errors import InputError
from siammcvae_core.evaluate.calibration import rows_of_honesty
from siammcvae_core.evaluate.clip_evaluation import probe
from siammcvae_core.evaluate.methods import describe, find_methods, Method, parse_weights
from siammcvae_core.evaluate.page import page_of
from siammcvae_core.evaluate.pictures import least, sheet
from siammcvae_core.evaluate.plan import (
    CLASSICAL,
    LEARNED,
    parse_masks,
    Plan,
    Preset,
    PRESETS,
    spec_of,
)
from siammcvae_core.evaluate.runner import run, tasks_of, WorkerError
from siammcvae_core.evaluate.summary import overall, Row, rows_of
from siammcvae_core.faults.masks import PATTERNS
from siammcvae_core.report.json_csv import write_csv, write_json

DESCRIPTION = """\
Score ways of restoring damaged frames on your drives: every method on the same frames, references
and masks. Writes report.json, report.csv and report.html (tables, curves, pictures; opens offline);
with a model among them hardest.jpg, too: the cases in which it gained least on the others.
"""
EPILOG = f"""\
methods: {', '.join(CLASSICAL)};
         with weights: {', '.join(LEARNED)}.
         A variant is named METHOD@LABEL, such as mae@vit_l; paper@standard, @flash,
         @memory_efficient and @adaptive are attention kernels and run the weights of paper unless
         they have their own.
presets: --table 1 wants weights for mae, mae_st, videomae, siammae, paper, drive and, for its
         ViT-L rows, mae@vit_l, mae_st@vit_l, videomae@vit_l; --table 2 for paper; --table 3 for
         paper and paper@no_reparam; --table 4 for paper (its β is 0.2), paper@beta0.1,
         paper@beta0.25, paper@beta0.5, paper@beta1; --figure 2, 3 and 4 as table 1. What has no
         weights is named in the report as missing. Other options change a preset.
weights: METHOD=FILE; METHOD=FOLDER with one file per training run, or with the folders that train
         wrote (the i-th seed takes the i-th run, so the intervals hold how training runs differ);
         or a FOLDER with such a METHOD.safetensors or METHOD/ for each.

examples:
  python -m siammcvae_core.evaluate --data drives/ --out out/evaluate
  python -m siammcvae_core.evaluate --data drives/ --out out/evaluate --methods copy,paper \\
      --weights paper=my.safetensors --masks random:0.75,full --gaps 1,4,0.5s --size 640x368
  python -m siammcvae_core.evaluate --data drives/ --table 4 --weights out/weights --out out/table4

exit status: 0 report written; 1 a worker died; 2 input that cannot be used; 130 interrupted.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f'evaluate: {message} (see --help)\n')


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = _Parser(
        prog='python -m siammcvae_core.evaluate',
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument(
        '--data',
        required=True,
        nargs='+',
        metavar='DIR',
        help="folders of videos, bags or image sequences, single recordings, or 'sim'",
    )
    p.add_argument('--out', required=True, type=Path, metavar='DIR', help='where the report goes')
    preset = p.add_mutually_exclusive_group()
    preset.add_argument('--table', choices='1234', help='table of the paper')
    preset.add_argument('--figure', choices='234', help='figure of the paper')
    plan = Plan()
    p.add_argument('--methods', metavar='A,B', help='default: all classical ones')
    p.add_argument(
        '--masks',
        metavar='NAME:RATIO,…',
        help=f'of {", ".join(PATTERNS)} (default: {",".join(plan.masks)})',
    )
    p.add_argument(
        '--gaps', metavar='N,…', help='in frames, or in seconds such as 0.5s (default: 1,4)'
    )
    p.add_argument('--size', metavar='WxH', help='frames are scaled and cropped (default: 640x368)')
    p.add_argument('--seeds', metavar='N,…', help='default: 0,1,2')
    p.add_argument(
        '--samples',
        type=int,
        metavar='N',
        help=f'frames of a clip per seed (default: {plan.samples})',
    )
    p.add_argument('--weights', nargs='+', default=[], metavar='METHOD=PATH', help='see below')
    p.add_argument('--topic', default='', help='image topic of bags that have several')
    p.add_argument(
        '--jobs',
        type=int,
        default=0,
        metavar='N',
        help='processes; the numbers do not depend on it (default: one per core)',
    )
    return p  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate; exit status as told by --help."""
    options = parser().parse_args(arguments)
    # A plain kill must end the scoring processes too: make it an exception like Ctrl-C.
    signal.signal(signal.SIGTERM, _leave)
    try:
        return evaluate(options)
    except InputError as error:
        print(f'evaluate: {error}', file=sys.stderr)
        return 2
    except (WorkerError, OSError) as error:
        print(f'evaluate: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('evaluate: interrupted', file=sys.stderr)
        return 130


def _leave(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    sys.exit(143)


def evaluate(options: argparse.Namespace) -> int:
    """Score and report. Raises InputError for what the user can mend."""
    preset = _preset(options)
    plan = _plan(options, preset.plan if preset else Plan())
    if options.jobs < 0:
        raise InputError(f'--jobs must be 0 (one per core) or more, got {options.jobs}')
    methods, missing = _methods(options, plan, chosen=options.methods or not preset)
    clips = find_clips(options.data, 'val')
    _make_folder(options.out)
    jobs = options.jobs or len(os.sched_getaffinity(0))
    outcomes = run(tasks_of(plan, methods, clips, options.topic), jobs)
    skipped = {outcome.clip: outcome.skipped for outcome in outcomes if outcome.skipped}
    if len(skipped) == len(clips):
        clip, why = next(iter(skipped.items()))
        raise InputError(f'no clip can be used; {clip}: {why}')
    rows = rows_of(plan, [method.name for method in methods], outcomes)
    report = {
        'rows': rows,
        'honesty': rows_of_honesty(outcome.honesty for outcome in outcomes),
        'methods': [method.name for method in methods],
        'missing': missing,
        'skipped': skipped,
        'broken': {outcome.clip: outcome.broken for outcome in outcomes if outcome.broken},
        'preset': preset.title if preset else None,
        'paper': [vars(line) for line in preset.printed] if preset else [],
        'data': ' '.join(options.data),
        'width': plan.size[1],
        'height': plan.size[0],
        'seeds': list(plan.seeds),
        'samples': plan.samples,
        'weights': {m.name: {str(run): describe(run) for run in m.runs} for m in methods if m.runs},
        'environment': _environment(jobs),
        'command': shlex.join(['python', '-m', 'siammcvae_core.evaluate', *sys.argv[1:]]),
    }
    write_json(options.out / 'report.json', report)
    write_csv(options.out / 'report.csv', rows)
    pictures = [picture for outcome in outcomes for picture in outcome.pictures]
    duels = least(outcome.hardest for outcome in outcomes if outcome.hardest is not None)
    if duels:
        sheet(duels).savefig(options.out / 'hardest.jpg', dpi=110)
    page_of(report, plan, preset, pictures, duels).write(options.out / 'report.html')
    _print(rows, missing, skipped)
    print(f'\n  {options.out / "report.html"}')
    return 0


def _preset(options: argparse.Namespace) -> Preset | None:
    if options.table:
        return PRESETS[f'table {options.table}']
    return PRESETS[f'figure {options.figure}'] if options.figure else None


def _plan(options: argparse.Namespace, plan: Plan) -> Plan:
    changes: dict[str, Any] = {}
    if options.methods is not None:
        changes['methods'] = parse_list(options.methods, '--methods')
    if options.masks is not None:
        changes['masks'] = parse_masks(options.masks)
    if options.gaps is not None:
        changes['gaps'] = tuple(map(Gap.parse, parse_list(options.gaps, '--gaps')))
    if options.size is not None:
        changes['size'] = parse_size(options.size)
    if options.seeds is not None:
        changes['seeds'] = parse_numbers(options.seeds, '--seeds')
    if options.samples is not None:
        changes['samples'] = options.samples
    return replace(plan, **changes)


def _methods(
    options: argparse.Namespace, plan: Plan, chosen: bool
) -> tuple[list[Method], dict[str, str]]:
    """Find the methods that run; those `chosen` by the user must, those of a preset may miss."""
    methods, missing = find_methods(plan.methods, parse_weights(options.weights))
    missing |= probe(methods, plan.size)
    ready = [method for method in methods if method.name not in missing]
    if missing and (chosen or not ready):
        name, why = next(iter(missing.items()))
        raise InputError(f'method {name}: {why}')
    return ready, missing


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'--out {folder} cannot be made: {error.strerror}') from error
    if not os.access(folder, os.W_OK):
        raise InputError(f'--out {folder} cannot be written to')


def _environment(jobs: int) -> dict[str, str]:
    versions = {'python': platform.python_version(), 'numpy': np.__version__,
                'opencv': cv2.__version__}  # fmt: skip
    if torch := sys.modules.get('torch'):
        versions['torch'] = torch.__version__
        if torch.cuda.is_available():
            versions['gpu'] = torch.cuda.get_device_name()
    return {
        'machine': f'{platform.machine()}, {os.cpu_count()} cores', 'processes': str(jobs),
        'system': platform.platform(), **versions,
    }  # fmt: skip


def _print(rows: Sequence[Row], missing: dict[str, str], skipped: dict[str, str]) -> None:
    print(f'\n{"method":24}{"mask":14}{"gap":>5}{"PSNR lost":>11}{"PSNR":>8}{"SSIM":>8}{"ms":>8}')
    for row in overall(rows):
        mask = spec_of(row['mask'], row['ratio'])
        print(
            f'{row["method"]:24}{mask:14}{row["gap"]:>5}{row["psnr_lost"]:11.2f}{row["psnr"]:8.2f}'
            f'{row["ssim"]:8.4f}{row["ms"]:8.1f}'
        )
    for name, why in (*missing.items(), *skipped.items()):
        print(f'left out: {name}: {why}')


if __name__ == '__main__':
    sys.exit(main())
