# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The report of a demo as a page: what happened, how well, and what it looked like."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from siammcvae_core.report.page import Page
from siammcvae_ros.tools.demo.pictures import ExamplePictures
from siammcvae_ros.tools.demo.score import FrameScore
from siammcvae_ros.tools.demo.summary import with_unit

BETTER, WORSE, COPY, CLASSICAL = '#2e7d32', '#c62828', '#8a939c', '#1565c0'


def build_page(
    report: Mapping[str, Any],
    problems: Iterable[str],
    scores: Sequence[FrameScore],
    examples: ExamplePictures,
    advice: str = '',
) -> Page:
    """Lay out the report; `report` has the keys of report.json, `advice` says what to do."""
    page = Page(f'siammcvae_ros demo: {report["source"]}')
    page.text(
        f'{report["frames_sent"]} frames of {report["width"]}x{report["height"]} pixels went '
        f'through restore_node over DDS at up to {report["max_hz"]:g} Hz, '
        f'{report["frames_damaged"]} of them damaged on purpose (seed {report["seed"]}).'
    )
    for problem in problems:
        page.alarm(problem)
    if advice:
        page.alarm(advice)
    page.numbers(_headline(report))
    page.heading('Every frame accounted for')
    page.table(('what became of them', 'frames'), _counter_rows(report))
    page.heading('How close the lost pixels came')
    page.table(*_fault_table(report), note=_note(report))
    if any(score.psnr for score in scores):
        page.plot(
            _plot(scores),
            'Each damaged frame: from copying the last intact frame (grey) to restored '
            '(green if better, red if worse); classical motion warp as blue bars.',
        )
    if examples.first:
        page.heading('What it looked like')
        page.text('The first scored frame of each fault:')
        for fault, jpeg in examples.first.items():
            page.jpeg(jpeg, fault)
        page.text('The worst restored frame of each fault:')
        for fault, (_, jpeg) in sorted(examples.worst.items(), key=lambda item: item[1][0]):
            page.jpeg(jpeg, fault)
    page.heading('Where this was measured')
    page.table(('what', 'which'), _environment_rows(report))
    page.heading('Do it again')
    page.code('\n'.join(report['reproduce']))
    return page


def _headline(report: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    gain = report['psnr_lost_gain_over_copy']
    return [
        (
            with_unit(report['psnr_lost_restored'], '.2f', ' dB'),
            'lost pixels, restored (PSNR)',
            f'{with_unit(gain, "+.2f", " dB")} against copying, {report["frames_scored"]} frames',
        ),
        (
            'exact' if report['kept_pixels_exact'] else 'NOT exact',
            'kept pixels',
            f'all {report["frames_recorded"]} frames, to the bit',
        ),
        (
            f'{report["frames_in"]} = {report["frames_out"]} + {report["frames_dropped"]}',
            'frames in = out + dropped',
            f'{report["frames_sent"]} sent',
        ),
        (
            with_unit(report['latency_ms_p50'], '.1f', ' ms'),
            'message in to restored message out',
            f'p50; p99 {with_unit(report["latency_ms_p99"], ".1f", " ms")}',
        ),
        (
            with_unit(report['latency_ms_passed_p50'], '.1f', ' ms'),
            'message in to intact message out',
            f'p50; p99 {with_unit(report["latency_ms_passed_p99"], ".1f", " ms")}',
        ),
    ]


def _counter_rows(report: Mapping[str, Any]) -> list[tuple[str, int]]:
    groups = (('restored', 'rung'), ('passed', 'reason'), ('dropped', 'reason'))
    return [
        ('sent', report['frames_sent']),
        ('received by the node', report['frames_in']),
        *(
            (f'{group}: {name}', count)
            for group, kind in groups
            for name, count in sorted(report[f'{group}_by_{kind}'].items())
        ),
        ('recorded from restored/image_raw', report['frames_recorded']),
    ]


def _fault_table(report: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    keys = (
        'fault', 'frames', 'scored', 'lost_share', 'psnr_lost_restored', 'psnr_lost_copy',
        'psnr_lost_classical', 'gain_over_copy', 'worst_restored',
    )  # fmt: skip
    columns = (
        'fault', 'frames', 'scored', 'share lost', 'restored dB', 'copy dB', 'classical dB',
        'gain over copy dB', 'worst restored dB',
    )  # fmt: skip
    total = {
        **report,
        'fault': 'all',
        'frames': report['frames_damaged'],
        'scored': report['frames_scored'],
        'lost_share': None,
        'gain_over_copy': report['psnr_lost_gain_over_copy'],
        'worst_restored': min(
            (row['worst_restored'] for row in report['faults'] if row['scored']), default=None
        ),
    }
    return columns, [tuple(row[key] for key in keys) for row in (*report['faults'], total)]


def _note(report: Mapping[str, Any]) -> str:
    same = set(report['restored_by_rung']) == {'warp'}
    return (
        'PSNR over the lost pixels of a frame, averaged over frames; the same frames for all three '
        'methods. Copy is the last intact frame; classical moves every point of it on with the '
        'mean of its last steps (and copies while only one is known). Left out for all three: '
        f'{report["frames_without_reference"]} damaged frames before any intact one, '
        f'{report["frames_without_output"]} that the node did not publish.'
        + (' Without a model the node uses the classical method itself.' if same else '')
    )


def _plot(scores: Sequence[FrameScore]) -> Figure:
    figure = Figure(figsize=(11, 3.6))
    axes = figure.subplots()
    scored = [score for score in scores if score.psnr]
    index = [score.index for score in scored]
    restored = [score.psnr['restored'] for score in scored]
    copied = [score.psnr['copy'] for score in scored]
    colours = [BETTER if r >= c else WORSE for r, c in zip(restored, copied, strict=True)]
    axes.vlines(index, copied, restored, colors=colours, linewidth=1.4, alpha=0.5)
    axes.scatter(index, copied, s=12, color=COPY, label='copy', zorder=2)
    classical = [score.psnr['classical'] for score in scored]
    axes.scatter(index, classical, s=26, marker='_', color=CLASSICAL, label='classical', zorder=3)
    axes.scatter(index, restored, s=16, color=colours, zorder=4)
    axes.scatter([], [], s=16, color=BETTER, label='restored')
    axes.set_xlim(-1, scores[-1].index + 1)
    axes.set_xlabel('frame')
    axes.set_ylabel('PSNR over lost pixels [dB]')
    axes.grid(alpha=0.25)
    axes.spines[['top', 'right']].set_visible(False)
    axes.legend(ncols=3, frameon=False, loc='lower left', bbox_to_anchor=(0, 1))
    return figure


def _environment_rows(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        *((f'engine: {key}', value) for key, value in report['engine_details'].items()),
        ('ROS 2', f'{report["ros_distro"]}, {report["rmw"]}'),
        ('source', f'{report["source"]}, {report["rate"]:.4g} Hz'),
        ('faults', ', '.join(report['fault_choice'])),
        *report['machine'].items(),
    ]
