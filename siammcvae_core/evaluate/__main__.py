# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Command line of the evaluation: `python -m siammcvae_core.evaluate --data DIR --out DIR`."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
import os
from pathlib import Path
import sys
from typing import Any

from siammcvae_core.commands.jobs import add_job_options, run_jobs, WorkerError
from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.commands.values import parse_list, parse_numbers, parse_size
from siammcvae_core.data.layouts import Clip, find_clips
from siammcvae_core.data.pairs import Gap
from siammcvae_core.errors import InputError
from siammcvae_core.evaluate.clip_evaluation import (
    clip_evaluations,
    ClipScores,
    evaluate_clip,
    find_unusable,
)
from siammcvae_core.evaluate.findings import add_detector_option, load_detector
from siammcvae_core.evaluate.methods import EvaluatedMethod, find_methods, parse_weights
from siammcvae_core.evaluate.plan import (
    CLASSICAL,
    EvaluationPlan,
    LEARNED,
    parse_masks,
    Preset,
    PRESETS,
    spec_of,
)
from siammcvae_core.evaluate.report import Evaluation, write_report
from siammcvae_core.evaluate.summary import overall, Row
from siammcvae_core.faults.masks import PATTERNS

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
weights: METHOD=FILE; METHOD=NAME, weights in the package; METHOD=FOLDER with one file per training
         run, or with the folders that train wrote (the i-th seed takes the i-th run, so the
         intervals hold how training runs differ); or a FOLDER with such a METHOD.safetensors or
         METHOD/ for each.

examples:
  python -m siammcvae_core.evaluate --data drives/ --out out/evaluate
  python -m siammcvae_core.evaluate --data drives/ --out out/evaluate --methods copy,paper \\
      --weights paper=my.safetensors --masks random:0.75,full --gaps 1,4,0.5s --size 640x368
  python -m siammcvae_core.evaluate --data drives/ --table 4 --weights out/weights --out out/table4

exit status: 0 report written; 1 a worker died; 2 input that cannot be used; 130 interrupted.
"""


def parser() -> CommandParser:
    """Describe the command line."""
    plan = EvaluationPlan()
    options = CommandParser('siammcvae_core.evaluate', DESCRIPTION, EPILOG)
    options.add_argument(
        '--data',
        required=True,
        nargs='+',
        metavar='DIR',
        help="folders of videos, bags or image sequences, single recordings, or 'sim'",
    )
    options.add_argument(
        '--out', required=True, type=Path, metavar='DIR', help='where the report goes'
    )
    preset = options.add_mutually_exclusive_group()
    preset.add_argument('--table', choices='1234', help='table of the paper')
    preset.add_argument('--figure', choices='234', help='figure of the paper')
    options.add_argument('--methods', metavar='A,B', help='default: all classical ones')
    options.add_argument(
        '--masks',
        metavar='NAME:RATIO,…',
        help=f'of {", ".join(PATTERNS)} (default: {",".join(plan.masks)})',
    )
    options.add_argument(
        '--gaps', metavar='N,…', help='in frames, or in seconds such as 0.5s (default: 1,4)'
    )
    options.add_argument(
        '--size', metavar='WxH', help='frames are scaled and cropped (default: 640x368)'
    )
    options.add_argument('--seeds', metavar='N,…', help='default: 0,1,2')
    options.add_argument(
        '--samples',
        type=int,
        metavar='N',
        help=f'frames of a clip per seed (default: {plan.samples})',
    )
    options.add_argument(
        '--weights', nargs='+', default=[], metavar='METHOD=PATH', help='see below'
    )
    add_detector_option(options)
    options.add_argument('--topic', default='', help='image topic of bags that have several')
    add_job_options(options)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate; exit status as in --help."""
    return parser().run(evaluate, arguments, failures=(WorkerError, OSError))


def evaluate(options: argparse.Namespace) -> None:
    """Score and report. Raises InputError for what the user can mend."""
    preset = _preset(options)
    plan = _plan(options, preset.plan if preset else EvaluationPlan())
    methods, missing = _methods(options, plan, chosen=options.methods or not preset)
    clips = find_clips(options.data, 'val')
    _make_folder(options.out)
    results = _results(options, plan, methods, clips)
    data = ' '.join(options.data)
    processes = options.cluster or str(options.jobs or len(os.sched_getaffinity(0)))
    evaluation = Evaluation(data, plan, preset, methods, missing, results, processes)
    report = write_report(evaluation, options.out)
    _print(report['rows'], missing, report['skipped'])
    print(f'\n  {options.out / "report.html"}')


def _results(
    options: argparse.Namespace,
    plan: EvaluationPlan,
    methods: Sequence[EvaluatedMethod],
    clips: Sequence[Clip],
) -> list[ClipScores]:
    tasks = clip_evaluations(plan, methods, clips, options.topic)
    names = [task.clip.name for task in tasks]
    results = run_jobs(evaluate_clip, tasks, names, options.jobs, options.cluster, 'scoring')
    if all(result.skipped for result in results):
        raise InputError(
            f'no clip can be used, the first of them {results[0].clip}: {results[0].skipped}'
        )
    return results


def _preset(options: argparse.Namespace) -> Preset | None:
    if options.table:
        return PRESETS[f'table {options.table}']
    return PRESETS[f'figure {options.figure}'] if options.figure else None


def _plan(options: argparse.Namespace, plan: EvaluationPlan) -> EvaluationPlan:
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
    if options.detector is not None:
        load_detector(options.detector)
        changes['detector'] = options.detector.resolve()
    return replace(plan, **changes)


def _methods(
    options: argparse.Namespace, plan: EvaluationPlan, chosen: bool
) -> tuple[list[EvaluatedMethod], dict[str, str]]:
    """Find the methods that run; those `chosen` by the user must, those of a preset may miss."""
    methods, missing = find_methods(plan.methods, parse_weights(options.weights))
    missing |= find_unusable(methods, plan.size)
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


def _print(rows: Sequence[Row], missing: dict[str, str], skipped: dict[str, str]) -> None:
    head = f'\n{"method":24}{"mask":14}{"gap":>5}{"PSNR lost":>11}{"PSNR":>8}{"SSIM":>8}{"ms":>8}'
    found = any('recall' in row for row in rows)
    print(f'{head}{"recall":>9}{"precision":>11}' if found else head)
    for row in overall(rows):
        mask = spec_of(row['mask'], row['ratio'])
        line = (
            f'{row["method"]:24}{mask:14}{row["gap"]:>5}{row["psnr_lost"]:11.2f}{row["psnr"]:8.2f}'
            f'{row["ssim"]:8.4f}{row["ms"]:8.1f}'
        )
        if found:
            line += ''.join(
                f'{"–" if row[name] is None else format(row[name], ".3f"):>{width}}'
                for name, width in (('recall', 9), ('precision', 11))
            )
        print(line)
    for name, why in (*missing.items(), *skipped.items()):
        print(f'left out: {name}: {why}')


if __name__ == '__main__':
    sys.exit(main())
