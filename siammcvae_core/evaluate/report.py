# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation writes: report.json, report.csv, report.html and hardest.jpg."""

from collections.abc import Sequence
from dataclasses import dataclass
import os
from pathlib import Path
import platform
import shlex
import sys
from typing import Any

import cv2
import numpy as np

from siammcvae_core.evaluate.calibration import calibration_rows
from siammcvae_core.evaluate.clip_evaluation import ClipScores
from siammcvae_core.evaluate.methods import describe, EvaluatedMethod
from siammcvae_core.evaluate.object_scores import object_columns
from siammcvae_core.evaluate.page import report_page
from siammcvae_core.evaluate.pictures import draw_worst_cases, worst_cases
from siammcvae_core.evaluate.plan import EvaluationPlan, Preset, spec_of
from siammcvae_core.evaluate.summary import summarise
from siammcvae_core.report.json_csv import write_csv, write_json


@dataclass(frozen=True)
class Evaluation:
    """An evaluation that is done; `missing` says by method why it has no scores.

    `processes` says how many there were, or on which cluster.
    """

    data: str
    plan: EvaluationPlan
    preset: Preset | None
    methods: Sequence[EvaluatedMethod]
    missing: dict[str, str]
    results: Sequence[ClipScores]
    processes: str


def write_report(evaluation: Evaluation, folder: Path) -> dict[str, Any]:
    """Write all files into a folder that exists; returns what is in report.json."""
    report = _report(evaluation)
    write_json(folder / 'report.json', report)
    write_csv(folder / 'report.csv', report['rows'])
    results = evaluation.results
    pictures = [picture for result in results for picture in result.pictures]
    worst = worst_cases(result.worst for result in results if result.worst is not None)
    if worst:
        draw_worst_cases(worst).savefig(folder / 'hardest.jpg', dpi=110)
    page = report_page(report, evaluation.plan, evaluation.preset, pictures, worst)
    page.write(folder / 'report.html')
    return report


def _report(evaluation: Evaluation) -> dict[str, Any]:
    plan, preset, results = evaluation.plan, evaluation.preset, evaluation.results
    names = [method.name for method in evaluation.methods]
    calibration = calibration_rows(result.calibration for result in results)
    rows, objects = summarise(plan, names, results), object_columns(results)
    for row in rows:
        spec = spec_of(row['mask'], row['ratio'])
        row |= objects.get((row['method'], spec, str(row['gap']), row['clip']), {})
    return {
        'rows': rows,
        'detector': str(plan.detector) if plan.detector else None,
        'calibration': calibration,
        'honesty': calibration,  # its name until 0.1; goes with 0.3
        'methods': names,
        'missing': evaluation.missing,
        'skipped': {result.clip: result.skipped for result in results if result.skipped},
        'broken': {result.clip: result.broken for result in results if result.broken},
        'preset': preset.title if preset else None,
        'paper': [vars(line) for line in preset.printed] if preset else [],
        'data': evaluation.data,
        'width': plan.size[1],
        'height': plan.size[0],
        'seeds': list(plan.seeds),
        'samples': plan.samples,
        'weights': {
            method.name: {str(run): describe(run) for run in method.runs}
            for method in evaluation.methods
            if method.runs
        },
        'environment': _environment(evaluation.processes),
        'command': shlex.join(['python', '-m', 'siammcvae_core.evaluate', *sys.argv[1:]]),
    }


def _environment(processes: str) -> dict[str, str]:
    versions = {'python': platform.python_version(), 'numpy': np.__version__,
                'opencv': cv2.__version__}  # fmt: skip
    if torch := sys.modules.get('torch'):
        versions['torch'] = torch.__version__
        if torch.cuda.is_available():
            versions['gpu'] = torch.cuda.get_device_name()
    return {
        'machine': f'{platform.machine()}, {os.cpu_count()} cores',
        'processes': processes,
        'system': platform.platform(), **versions,
    }  # fmt: skip
