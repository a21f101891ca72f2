# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stress test of the restore node: `python -m siammcvae_ros.tools.stress --help`.

The test in this process, the node in its own, real DDS between them.
"""

import argparse
from collections.abc import Sequence
import json
import math
import os
from pathlib import Path
import sys
import time
from typing import Any

from tqdm import tqdm

from siammcvae_core.commands.parser import CommandParser
from siammcvae_ros.tools.processes import Child, ProcessError
from siammcvae_ros.tools.ros_session import isolated_ros, spinning
from siammcvae_ros.tools.stress.actions import SendMessage, WaitForIdle
from siammcvae_ros.tools.stress.harness import node_arguments, StressHarness
from siammcvae_ros.tools.stress.recovery import check_recovery
from siammcvae_ros.tools.stress.schedule import StressSchedule

WARM_UP = 0.5  # share of the messages, before memory is measured
MALLOC = {'MALLOC_TRIM_THRESHOLD_': '0', 'MALLOC_MMAP_THRESHOLD_': '65536'}
"""Lets glibc return freed memory at once, so that resident memory is what the node holds."""

DESCRIPTION = """\
Sends valid and invalid messages and calls to the restore node, and checks that it lives, answers,
accounts for every frame and leaves intact pixels alone. Prints the result as JSON.

exit status: 0 all checks held; 1 a check failed; 2 options that cannot be used.
"""


def run(
    messages: int,
    seed: int,
    hz: float,
    hang_limit: float,
    growth_limit: float,
    weights: str,
    calm: bool = False,
    log: Path | None = None,
) -> dict[str, Any]:
    """Run the stress test; return its report, with `violations` empty if all checks held.

    `hz` is in messages per second outside floods, 0 for no limit, `hang_limit` in seconds;
    `growth_limit` is the share by which memory may grow after warm-up. With `calm` it is a soak
    test: valid frames and masks only. The node's log goes to `log`.
    """
    with isolated_ros() as folder:
        os.environ.update(MALLOC)
        log = log or folder / 'restore_node.log'
        with Child('siammcvae_ros.restore_node', node_arguments(weights), log) as node:
            harness = StressHarness(node, hang_limit)
            schedule = StressSchedule(seed, messages, weights, calm)
            report: dict[str, Any] = {'seed': seed, 'sent': 0}
            with spinning(harness.node):
                try:
                    harness.connect()
                    with harness.hang_detection():
                        memory = _play(harness, node, schedule, messages, hz)
                        served = check_recovery(harness)
                    report |= _memory_report(harness, memory, growth_limit)
                    report['clean_stream_served'] = served
                except ProcessError as error:
                    harness.violations.add('died', f'{harness.sent} messages sent: {error}')
    report |= {
        'sent': harness.sent,
        'slowest_answer_s': round(harness.slowest, 3),
        'cameras': {name: checker.close() for name, checker in harness.checkers.items()},
    }
    counts, examples = harness.violations.counts, harness.violations.examples
    report['violations'] = {
        kind: {'count': count, 'examples': examples[kind]} for kind, count in counts.items()
    }
    return report


def _play(
    harness: StressHarness, node: Child, schedule: StressSchedule, messages: int, hz: float
) -> list[int]:
    """Do all that is scheduled; return the node's memory in bytes whenever it was idle."""
    memory: list[int] = []
    start, paced = time.monotonic(), 0
    with tqdm(total=messages, unit='message', disable=None) as bar:
        for action in schedule:
            if isinstance(action, WaitForIdle):
                harness.wait_for_idle()
                if harness.sent > WARM_UP * messages:
                    memory.append(node.resident_bytes())
            elif isinstance(action, SendMessage):
                if hz and action.paced:
                    paced += 1
                    time.sleep(max(0.0, start + paced / hz - time.monotonic()))
                harness.send(action)
                bar.update()
            else:
                harness.call(action)
    return memory


def _memory_report(
    harness: StressHarness, memory: list[int], growth_limit: float
) -> dict[str, Any]:
    half = len(memory) // 2
    if not half:
        return {'memory_mb': None, 'memory_growth': None}
    # The minimum of each half: what queues hold for a while is no leak.
    first, last = min(memory[:half]), min(memory[half:])
    growth = last / first - 1
    if growth > growth_limit:
        detail = f'grew by {growth:.1%}, {first / 1e6:.0f} MB after warm-up'
        harness.violations.add('memory', detail)
    return {'memory_mb': round(last / 1e6, 1), 'memory_growth': round(growth, 4)}


def _parser() -> CommandParser:
    parser = CommandParser('siammcvae_ros.tools.stress', DESCRIPTION)
    parser.add_argument('--messages', type=int, default=200_000, help='default %(default)s')
    parser.add_argument('--seed', type=int, default=0, help='the same seed, the same messages')
    parser.add_argument(
        '--hz', type=float, default=500.0, help='messages per second outside floods; 0: no limit'
    )
    parser.add_argument(
        '--hang-limit', type=float, default=1.0, help='seconds an answer may take (default 1)'
    )
    parser.add_argument(
        '--growth-limit',
        type=float,
        default=0.03,
        help='share by which memory may grow after warm-up (default %(default)s; inf: any)',
    )
    parser.add_argument(
        '--weights',
        default='none',
        help='as of the node (default %(default)s); loading a model takes longer than 1 s',
    )
    parser.add_argument(
        '--calm', action='store_true', help='valid frames and masks only, every other one a frame'
    )
    parser.add_argument('--log', type=Path, help="file for the node's log")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stress test and print its report as JSON; 1 if a check failed."""
    parser = _parser()

    def command(options: argparse.Namespace) -> int:
        if options.messages < 1 or not (options.hz >= 0 and math.isfinite(options.hz)):
            parser.error('--messages must be 1 or more, --hz 0 or more')
        report = run(**vars(options))
        print(json.dumps(report, indent=2))
        return 1 if report['violations'] else 0

    return parser.run(command, arguments, failures=(ProcessError,))


if __name__ == '__main__':
    sys.exit(main())
