# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The numbers of a demo: the verdicts and the node's account put together, and checked."""

from collections.abc import Sequence
import math
from typing import Any

from siammcvae_ros.tools.demo.account import Account
from siammcvae_ros.tools.demo.score import by_fault, mean_psnr, Verdict


def summarise(verdicts: Sequence[Verdict], account: Account, recorded: int) -> dict[str, Any]:
    """Put the numbers of one run together; keys as promised to readers of report.json.

    `frames_in` and what became of the frames are the node's account, `frames_sent` and the scores
    come from the source and the `recorded` output frames.
    """
    damaged = [v for v in verdicts if v.fault is not None]
    delivered = [v for v in verdicts if v.kept_exact is not None]
    means = mean_psnr(verdicts)
    return {
        'frames_sent': len(verdicts),
        'frames_in': account.received,
        'frames_out': account.frames_out,
        'frames_dropped': account.frames_dropped,
        'frames_restored': account.frames_restored,
        'frames_passed': account.frames_passed,
        'frames_recorded': recorded,
        'frames_damaged': len(damaged),
        'frames_scored': sum(bool(v.psnr) for v in damaged),
        'frames_without_reference': sum(v.unscored == 'no_reference' for v in damaged),
        'frames_taken_for_intact': max(
            0, account.passed.get('intact', 0) - len(verdicts) + len(damaged)
        ),
        'frames_without_output': sum(v.unscored == 'no_output' for v in damaged),
        'kept_pixels_exact': bool(delivered) and all(v.kept_exact for v in delivered),
        'marked_pixels_exact': bool(delivered) and all(v.marked_exact for v in delivered),
        **{f'psnr_lost_{method}': value for method, value in means.items()},
        'psnr_lost_gain_over_copy': means['restored'] - means['copy'],
        'latency_ms_p50': account.latency_ms['restored_ms_p50'],
        'latency_ms_p99': account.latency_ms['restored_ms_p99'],
        'latency_ms_passed_p50': account.latency_ms['passed_ms_p50'],
        'latency_ms_passed_p99': account.latency_ms['passed_ms_p99'],
        'restored_by_rung': dict(account.restored),
        'passed_by_reason': dict(account.passed),
        'dropped_by_reason': dict(account.dropped),
        'faults': by_fault(verdicts),
    }


def problems(report: dict[str, Any], account: Account, unmatched: bool) -> list[str]:
    """Say what is wrong with a run, one line each; empty if all is accounted for and exact.

    `unmatched`: the recording holds frames that were never sent.
    """
    found = []
    if report['frames_in'] != report['frames_sent']:
        found.append(
            f'{report["frames_sent"]} frames were sent, the node received {report["frames_in"]}: '
            'frames were lost on the way'
        )
    if not account.is_settled:
        found.append(
            f'the account of the node does not close: {account.received} in, '
            f'{account.frames_out} out, {account.frames_dropped} dropped, '
            f'{account.in_flight} in flight'
        )
    if report['frames_recorded'] != report['frames_out']:
        found.append(
            f'the node let out {report["frames_out"]} frames, '
            f'{report["frames_recorded"]} were recorded'
        )
    if report['frames_taken_for_intact']:
        found.append(
            f'{report["frames_taken_for_intact"]} damaged frames were taken for intact: their '
            'masks came too late or not at all'
        )
    if unmatched:
        found.append('the recording holds frames with stamps that were never sent')
    if not report['kept_pixels_exact']:
        found.append('kept pixels differ from the truth')
    if not report['marked_pixels_exact']:
        found.append('restored/mask does not mark exactly the pixels that were replaced')
    return found


def headline(report: dict[str, Any]) -> str:
    """Give the one line that says how it went."""
    kept = 'exact' if report['kept_pixels_exact'] else 'NOT exact'
    return (
        f'{report["frames_in"]} frames in = {report["frames_out"]} out + '
        f'{report["frames_dropped"]} dropped; {report["frames_damaged"]} damaged; kept pixels '
        f'{kept}; lost pixels {measured(report["psnr_lost_restored"], ".1f", " dB")} restored, '
        f'{measured(report["psnr_lost_copy"], ".1f", " dB")} copied; latency '
        f'{measured(report["latency_ms_p50"], ".0f", " ms")} '
        f'(p99 {measured(report["latency_ms_p99"], ".0f", " ms")})'
    )


def measured(value: float, form: str, unit: str) -> str:
    """Write a number with its unit, or a dash for NaN: there was nothing to measure."""
    return '–' if math.isnan(value) else f'{value:{form}}{unit}'
