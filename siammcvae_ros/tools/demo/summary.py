# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The numbers of a demo: scores and the node's counters together, and whether they agree."""

from collections.abc import Sequence
import math
from typing import Any

from siammcvae_ros.tools.demo.diagnostics import CameraDiagnostics
from siammcvae_ros.tools.demo.score import by_fault, FrameScore, mean_psnr


def summarise(
    scores: Sequence[FrameScore], diagnostics: CameraDiagnostics, recorded: int
) -> dict[str, Any]:
    """Return the numbers of one run under the keys of report.json.

    `frames_in`, `frames_out` and what became of the frames are counted by the node; `frames_sent`
    and the scores come from the source and the `recorded` output frames.
    """
    damaged = [score for score in scores if score.fault is not None]
    delivered = [score for score in scores if score.kept_exact is not None]
    means = mean_psnr(scores)
    return {
        'frames_sent': len(scores),
        'frames_in': diagnostics.received,
        'frames_out': diagnostics.frames_out,
        'frames_dropped': diagnostics.frames_dropped,
        'frames_restored': diagnostics.frames_restored,
        'frames_passed': diagnostics.frames_passed,
        'frames_recorded': recorded,
        'frames_damaged': len(damaged),
        'frames_scored': sum(bool(score.psnr) for score in damaged),
        'frames_without_reference': sum(score.unscored == 'no_reference' for score in damaged),
        'frames_taken_for_intact': diagnostics.passed.get('late_mask', 0)
        + max(0, diagnostics.passed.get('intact', 0) - len(scores) + len(damaged)),
        'frames_without_output': sum(score.unscored == 'no_output' for score in damaged),
        'kept_pixels_exact': bool(delivered) and all(score.kept_exact for score in delivered),
        'marked_pixels_exact': bool(delivered) and all(score.marked_exact for score in delivered),
        **{f'psnr_lost_{method}': value for method, value in means.items()},
        'psnr_lost_gain_over_copy': means['restored'] - means['copy'],
        'latency_ms_p50': diagnostics.latency_ms['restored_ms_p50'],
        'latency_ms_p99': diagnostics.latency_ms['restored_ms_p99'],
        'latency_ms_passed_p50': diagnostics.latency_ms['passed_ms_p50'],
        'latency_ms_passed_p99': diagnostics.latency_ms['passed_ms_p99'],
        'restored_by_rung': dict(diagnostics.restored),
        'passed_by_reason': dict(diagnostics.passed),
        'dropped_by_reason': dict(diagnostics.dropped),
        'faults': by_fault(scores),
    }


def list_problems(
    report: dict[str, Any], diagnostics: CameraDiagnostics, unmatched: bool
) -> list[str]:
    """List what is wrong with a run, a line each; empty if every frame is counted and exact.

    `unmatched`: the recording holds frames that were never sent.
    """
    lines = []
    if report['frames_in'] != report['frames_sent']:
        lines.append(
            f'{report["frames_sent"]} frames were sent, the node received {report["frames_in"]}: '
            'frames were lost on the way'
        )
    if not diagnostics.is_settled:
        lines.append(
            f'the counters of the node do not add up: {diagnostics.received} in, '
            f'{diagnostics.frames_out} out, {diagnostics.frames_dropped} dropped, '
            f'{diagnostics.in_flight} in flight'
        )
    if report['frames_recorded'] != report['frames_out']:
        lines.append(
            f'the node published {report["frames_out"]} frames, '
            f'{report["frames_recorded"]} were recorded'
        )
    if report['frames_taken_for_intact']:
        lines.append(
            f'{report["frames_taken_for_intact"]} damaged frames were taken for intact: their '
            'masks came too late or not at all'
        )
    if unmatched:
        lines.append('the recording holds frames with stamps that were never sent')
    if not report['kept_pixels_exact']:
        lines.append('kept pixels differ from the truth')
    if not report['marked_pixels_exact']:
        lines.append('restored/mask does not mark exactly the pixels that were replaced')
    return lines


def slowness_advice(diagnostics: CameraDiagnostics, hz: float) -> str:
    """Say at what rate, below the `hz` played, all could be restored; '' if all were in time."""
    reasons = ('superseded', 'overtaken')
    late = sum(diagnostics.passed.get(r, 0) + diagnostics.dropped.get(r, 0) for r in reasons)
    latency = diagnostics.latency_ms['restored_ms_p99']
    if not late:
        return ''
    bearable = hz / 2 if math.isnan(latency) else min(hz / 2, 800 / latency)
    return (
        f'{late} frames came faster than this machine restores them: '
        f'play slower with HZ={max(0.1, bearable):.2g} (--max-hz)'
    )


def headline(report: dict[str, Any]) -> str:
    """Return the result, a line for each thing."""
    kept = 'exact' if report['kept_pixels_exact'] else 'NOT exact'
    return (
        f'{report["frames_in"]} frames in = {report["frames_out"]} out + '
        f'{report["frames_dropped"]} dropped, {report["frames_damaged"]} damaged on the way\n'
        f'kept pixels {kept}\n'
        f'lost pixels {with_unit(report["psnr_lost_restored"], ".1f", " dB")} restored, '
        f'{with_unit(report["psnr_lost_copy"], ".1f", " dB")} copied\nlatency '
        f'{with_unit(report["latency_ms_p50"], ".0f", " ms")} '
        f'(p99 {with_unit(report["latency_ms_p99"], ".0f", " ms")})'
    )


def with_unit(value: float, form: str, unit: str) -> str:
    """Format a number with its unit, or a dash for NaN: nothing was measured."""
    return '–' if math.isnan(value) else f'{value:{form}}{unit}'
