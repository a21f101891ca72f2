# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The report as a page: the paper's numbers beside ours, tables, curves and pictures."""

from collections.abc import Mapping, Sequence
import json
from typing import Any

from siammcvae_core.baselines.classical import UPPER_BOUNDS
from siammcvae_core.evaluate.paper import PublishedRow, SOURCE
from siammcvae_core.evaluate.pictures import Picture, WorstCase
from siammcvae_core.evaluate.plan import EvaluationPlan, Preset, spec_of
from siammcvae_core.evaluate.plots import plots
from siammcvae_core.evaluate.summary import overall, Row
from siammcvae_core.report.page import Page

MANY_ROWS = 5000
DIGITS = {'SSIM': 4, 'FSIM': 4, 'FSIMc': 4, 'FSIM ism': 4, 'share lost': 3, 'ms': 1, 'seconds': 3,
          'in 50 %': 3, 'in 80 %': 3, 'in 90 %': 3, 'in 95 %': 3, 'calibration error': 4,
          'AUSE': 4, 'AUSE of age': 4, 'recall': 3, 'precision': 3, 'F1': 3, 'objects': 0,
          'over best baseline': 3}  # fmt: skip
COLUMNS = {
    'method': 'method', 'mask': 'mask', 'gap': 'gap', 'psnr_lost': 'PSNR lost', 'interval': '95 %',
    'gain_over_copy': 'over copy', 'gain_interval': '95 % ', 'psnr': 'PSNR', 'ssim': 'SSIM',
    'fsim': 'FSIM', 'fsimc': 'FSIMc', 'fsim_ism': 'FSIM ism', 'mse': 'MSE', 'mae': 'MAE',
    'ms': 'ms', 'n': 'n',
}  # fmt: skip

CALIBRATION = {
    'method': 'method', 'coverage_50': 'in 50 %', 'coverage_80': 'in 80 %',
    'coverage_90': 'in 90 %', 'coverage_95': 'in 95 %', 'calibration_error': 'calibration error',
    'nll': 'NLL', 'ause': 'AUSE', 'ause_age': 'AUSE of age',
}  # fmt: skip
CALIBRATION_NOTE = (
    'Over all lost pixels. In 80 %: the share of true errors within the interval of 80 % '
    'that follows from the expected absolute error, read as the scale of a Laplace distribution. '
    'AUSE: how far the expected error is from sorting pixels by their true errors, 0 the best; '
    'beside it that of the age of the reference alone.'
)

OBJECTS = {
    'method': 'method', 'mask': 'mask', 'gap': 'gap', 'objects': 'objects', 'recall': 'recall',
    'recall_interval': '95 %', 'recall_gain': 'over best baseline', 'recall_gain_interval': '95 % ',
    'precision': 'precision', 'precision_interval': ' 95 %', 'f1': 'F1', 'psnr_lost': 'PSNR lost',
}  # fmt: skip
OBJECTS_NOTE = (
    'objects of which half or more is lost. Recall: the share of those found in the undamaged '
    'frame (score 0.5) that are found again (score 0.35, same class, IoU 0.5). Precision: the '
    'share of detections that the undamaged frame has, too (score 0.35). Over best baseline: '
    'against the classical method of the highest recall, clip by clip. In the pictures below '
    'objects found again are green, missed ones red, detections of nothing orange.'
)

DEFINITIONS = (
    'PSNR, SSIM, FSIM, FSIMc, MSE and MAE are over the whole frame, the intact pixels pasted; '
    'PSNR lost is over the lost pixels only. Every metric is taken image by image and averaged '
    'over the images of a clip, then over clips. Grey levels are 0 to 255, PSNR is at most 100 dB.',
    "FSIM and FSIMc are Zhang's; FSIM ism is the variant of image-similarity-measures, which is "
    "what the paper's numbers look like.",
    'A damaged frame has two references: the newest lies a gap before it, the other is the '
    'distinct frame before that one: the last two that arrived when the frames in between are '
    'lost. Frames that only repeat the one before are never targets nor references of their '
    'equals. Only frames that have both references at every gap are drawn, so all gaps, masks and '
    'methods are about the same frames.',
    '95 % intervals are percentiles of 2000 bootstrap means. Over all clips, clips are drawn anew '
    'with replacement and, crossed with them, seeds; a seed draws frames and masks and, where a '
    'method has several training runs, the run. For a single clip its images are drawn anew. With '
    'few clips such intervals are too narrow rather than too wide.',
    'ms is the median time of one restoration on one thread (or the GPU), warmed up, everything '
    'computed from the references included; only what an engine prepares when a reference '
    'arrives is not in it (ms_observe in report.json). Other processes were running beside it.',
    'oracle is shown the undamaged frame to find motion by: an upper bound for warping, not a '
    'method.',
)


def report_page(
    report: Mapping[str, Any],
    plan: EvaluationPlan,
    preset: Preset | None,
    pictures: Sequence[Picture],
    worst: Sequence[WorstCase],
) -> Page:
    """Lay out the report; keys of `report` as in report.json."""
    rows: Sequence[Row] = report['rows']
    page = Page(f'siammcvae_ros evaluation: {preset.title if preset else report["data"]}')
    _introduce(page, report, plan)
    totals = overall(rows)
    page.numbers(_winners(totals))
    if preset is not None and preset.printed:
        _beside_the_paper(page, preset, totals, report)
    _add_tables(page, report, plan, totals)
    _add_pictures(page, pictures, worst)
    page.heading('What was measured')
    for paragraph in DEFINITIONS:
        page.text(paragraph)
    page.heading('Where this was measured')
    page.table(('what', 'which'), _environment(report))
    page.heading('Do it again')
    page.code(report['command'])
    return page


def _introduce(page: Page, report: Mapping[str, Any], plan: EvaluationPlan) -> None:
    height, width = plan.size
    clips = len({row['clip'] for row in report['rows']}) - 1
    page.text(
        f'{len(report["methods"])} methods on {clips} clips of {report["data"]}: frames of '
        f'{width}x{height} pixels, {plan.samples} per clip for each seed ('
        f'{", ".join(map(str, plan.seeds))}), the same frames, references and masks for every '
        'method.'
    )
    for name, why in report['missing'].items():
        page.alarm(f'Not in this report: {name}. {why}')
    for clip, why in report['skipped'].items():
        page.alarm(f'Clip left out: {clip}. {why}')
    for clip, why in report['broken'].items():
        page.alarm(f'Clip used up to where it breaks: {clip}. {why}')


def _add_tables(
    page: Page, report: Mapping[str, Any], plan: EvaluationPlan, totals: Sequence[Row]
) -> None:
    rows = report['rows']
    page.heading('All clips')
    page.table(*_totals(totals), sortable=True, digits=DIGITS, note=(
        'Click on a column to sort. PSNR lost is in dB, over copy its gain over copying the newest '
        'reference, both with 95 % intervals; that of the gain is free of how clips differ.'
    ))  # fmt: skip
    if report['detector']:
        page.heading('What a detector finds')
        page.table(*_objects(totals), sortable=True, digits=DIGITS, note=(
            f'{report["detector"]}: {OBJECTS_NOTE}'
        ))  # fmt: skip
    if report['calibration']:
        page.heading('How well calibrated expected errors are')
        cells = [[row[key] for key in CALIBRATION] for row in report['calibration']]
        columns = list(CALIBRATION.values())
        page.table(columns, cells, sortable=True, digits=DIGITS, note=CALIBRATION_NOTE)
    page.heading('Curves')
    for figure, caption in plots(plan, rows):
        page.plot(figure, caption)
    page.heading('Clip by clip')
    if len(rows) - len(totals) > MANY_ROWS:
        page.text('Too many rows for a page: they are in report.csv.')
    else:
        page.table(*_by_clip(rows), sortable=True, digits=DIGITS, folded='Show every clip')


def _add_pictures(page: Page, pictures: Sequence[Picture], worst: Sequence[WorstCase]) -> None:
    page.heading('What it looks like')
    for picture in pictures:
        page.text(picture.title)
        page.gallery(picture.panels)
    if worst:
        page.heading('Where the model gained least')
        for case in worst:
            page.text(f'{case.picture.title}: {case.gain:+.1f} dB over the best of the others')
            page.gallery(case.picture.panels)


def _winners(totals: Sequence[Row]) -> list[tuple[str, str, str]]:
    """List the best method of every mask and gap by its lost pixels, upper bounds aside."""
    cells: dict[tuple[str, Any], list[Row]] = {}
    for row in totals:
        if row['method'] not in UPPER_BOUNDS:
            cells.setdefault((spec_of(row['mask'], row['ratio']), row['gap']), []).append(row)
    cards = []
    for (spec, gap), rows in cells.items():
        best = max(rows, key=lambda row: row['psnr_lost'])
        gain = best['gain_over_copy']
        remark = '' if gain is None else f', {gain:+.2f} dB over copy'
        cards.append((best['method'], f'best at {spec}, gap {gap}',
                      f'{best["psnr_lost"]:.2f} dB{remark}'))  # fmt: skip
    return cards


def _beside_the_paper(
    page: Page, preset: Preset, totals: Sequence[Row], report: Mapping[str, Any]
) -> None:
    """Set our rows under the paper's row for the same thing."""
    columns = ('what', 'measured on', 'gap', 'MSE', 'MAE', 'PSNR', '95 %', 'SSIM', 'FSIM ism',
               'PSNR lost', 'seed sd')  # fmt: skip
    measured = {row['method']: _ours(row['method'], totals, report) for row in totals}
    measured |= {name: [[name, 'missing', '–', *[None] * 3, '–', *[None] * 4]]
            for name in report['missing']}  # fmt: skip
    rows: list[list[Any]] = []
    foreign = []
    for line in preset.printed:
        foreign.append(len(rows))
        rows += [_printed(line), *measured.pop(line.method, [])]
    rows += [row for others in measured.values() for row in others]
    page.heading(preset.title)
    page.table(
        columns, rows, sortable=True, digits=DIGITS, foreign=foreign,
        note='Tinted rows are what the paper prints, on another data set (BDD100K, clips and frame '
        'gap not stated, one training run each): not to be ranked with ours below them. Its '
        'attention kernels all compute one function and still differ by 1.15 dB, so smaller '
        'differences between its rows may be chance. Seed sd is our standard deviation of PSNR '
        'from seed to seed.',
    )  # fmt: skip


def _printed(line: PublishedRow) -> list[Any]:
    return [line.label, SOURCE, 'not stated', line.mse, line.mae, line.psnr, '–', line.ssim,
            line.fsim_ism, None, None]  # fmt: skip


def _ours(method: str, totals: Sequence[Row], report: Mapping[str, Any]) -> list[list[Any]]:
    profiles = {
        json.loads(facts['siammcvae_profile'])['name']
        for facts in report['weights'].get(method, {}).values()
    }
    what = f'{method} (profile {", ".join(sorted(profiles))})' if profiles else method
    return [
        [
            what, 'this data', str(row['gap']), row['mse'], row['mae'], row['psnr'],
            _interval(row, 'psnr'), row['ssim'], row['fsim_ism'], row['psnr_lost'],
            row['psnr_seed_sd'],
        ]
        for row in totals
        if row['method'] == method
    ]  # fmt: skip


def _totals(totals: Sequence[Row]) -> tuple[list[str], list[list[Any]]]:
    lines = [
        {
            **row,
            'mask': spec_of(row['mask'], row['ratio']),
            'interval': _interval(row, 'psnr_lost'),
            'gain_interval': _interval(row, 'gain_over_copy'),
        }
        for row in totals
    ]
    return list(COLUMNS.values()), [[line[key] for key in COLUMNS] for line in lines]


def _objects(totals: Sequence[Row]) -> tuple[list[str], list[list[Any]]]:
    lines = [
        {
            'recall_gain': None, 'recall_gain_interval': '–',
            **row,
            'mask': spec_of(row['mask'], row['ratio']),
            **{
                f'{name}_interval': _interval(row, name, 3)
                for name in ('recall', 'recall_gain', 'precision')
                if f'{name}_low' in row
            },
        }
        for row in totals
    ]  # fmt: skip
    return list(OBJECTS.values()), [[line[key] for key in OBJECTS] for line in lines]


def _by_clip(rows: Sequence[Row]) -> tuple[list[str], list[list[Any]]]:
    keys = [key for key in COLUMNS if not key.endswith('interval')]
    own = [
        {**row, 'mask': spec_of(row['mask'], row['ratio'])} for row in rows if row['clip'] != 'all'
    ]
    columns = ['clip', *(COLUMNS[key] for key in keys), 'share lost', 'seconds']
    return columns, [
        [row['clip'], *(row[key] for key in keys), row['lost'], row['seconds']] for row in own
    ]


def _interval(row: Row, metric: str, digits: int = 2) -> str:
    low, high = row[f'{metric}_low'], row[f'{metric}_high']
    return '–' if low is None else f'{low:.{digits}f} to {high:.{digits}f}'


def _environment(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    lines = [(key, str(value)) for key, value in report['environment'].items()]
    for method, runs in report['weights'].items():
        for path, facts in runs.items():
            metadata = ', '.join(f'{key} {value}' for key, value in facts.items())
            lines.append((f'weights of {method}', f'{path}: {metadata}'))
    return lines
