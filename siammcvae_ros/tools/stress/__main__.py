# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A storm of messages against the real node: `python -m siammcvae_ros.tools.stress --help`.

The storm in this process, the node in its own, real DDS between them.
"""

import argparse
from collections.abc import Sequence
import json
import math
import os
from pathlib import Path
import sys
import tempfile
import time
from typing import Any

import rclpy
from tqdm import tqdm

from siammcvae_ros.tools.dds_domain import isolate
from siammcvae_ros.tools.processes import Child, ProcessError
from siammcvae_ros.tools.stress.aftermath import clean_stream
from siammcvae_ros.tools.stress.rig import arguments, Rig
from siammcvae_ros.tools.stress.steps import Send, Settle
from siammcvae_ros.tools.stress.weather import Weather

WARM_UP = 0.5  # of the storm, before memory is measured
GIVE_BACK = {'MALLOC_TRIM_THRESHOLD_': '0', 'MALLOC_MMAP_THRESHOLD_': '65536'}
"""Makes glibc give back what is freed: what then remains is what the node holds on to."""


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
    """Let a storm go over the node; give the account, `violations` empty if all held.

    Seconds in `hang_limit`, messages per second outside floods in `hz`, 0 without a limit;
    `growth_limit` is the share by which memory may grow after warm-up. A `calm` storm is a soak:
    valid frames and masks only. What the node says goes to `log`.
    """
    with tempfile.TemporaryDirectory() as folder:
        isolate(Path(folder))
        os.environ.update(GIVE_BACK)
        rclpy.init(args=[])
        try:
            log = log or Path(folder) / 'restore_node.log'
            with Child('siammcvae_ros.restore_node', arguments(weights), log) as node:
                rig = Rig(node, hang_limit)
                row: dict[str, Any] = {'seed': seed, 'sent': 0}
                try:
                    rig.start()
                    weather = Weather(seed, messages, weights, calm)
                    memory = _storm(rig, node, weather, messages, hz)
                    clean = clean_stream(rig)
                    row |= _memory(rig, memory, growth_limit) | {'clean_stream_served': clean}
                except ProcessError as error:
                    rig.violations.add('died', f'{rig.sent} messages sent: {error}')
                finally:
                    rig.stop()
        finally:
            rclpy.try_shutdown()
    row |= {
        'sent': rig.sent,
        'slowest_answer_s': round(rig.slowest, 3),
        'cameras': {name: account.close() for name, account in rig.accounts.items()},
    }
    counts, examples = rig.violations.counts, rig.violations.examples
    row['violations'] = {
        kind: {'count': count, 'examples': examples[kind]} for kind, count in counts.items()
    }
    return row


def _storm(rig: Rig, node: Child, weather: Weather, messages: int, hz: float) -> list[int]:
    """Throw everything; give the node's memory in bytes, measured whenever it came to rest."""
    memory: list[int] = []
    start, paced = time.monotonic(), 0
    with tqdm(total=messages, unit='message', disable=None) as bar:
        for step in weather:
            if isinstance(step, Settle):
                rig.settle()
                if rig.sent > WARM_UP * messages:
                    memory.append(node.resident_bytes())
            elif isinstance(step, Send):
                if hz and step.paced:
                    paced += 1
                    time.sleep(max(0.0, start + paced / hz - time.monotonic()))
                rig.send(step)
                bar.update()
            else:
                rig.call(step)
    return memory


def _memory(rig: Rig, memory: list[int], growth_limit: float) -> dict[str, Any]:
    half = len(memory) // 2
    if not half:
        return {'memory_mb': None, 'memory_growth': None}
    # The least of each half: what a storm piles up for a while is no leak.
    first, last = min(memory[:half]), min(memory[half:])
    growth = last / first - 1
    if growth > growth_limit:
        rig.violations.add('memory', f'grew by {growth:.1%}, {first / 1e6:.0f} MB after warm-up')
    return {'memory_mb': round(last / 1e6, 1), 'memory_growth': round(growth, 4)}


def main(args: Sequence[str] | None = None) -> int:
    """Run the storm and print its account as JSON; 1 if anything was violated."""
    parser = argparse.ArgumentParser(
        prog='python -m siammcvae_ros.tools.stress',
        description='Throws valid and hostile messages and calls at the restore node, and checks '
        'that it lives, answers, accounts for every frame and leaves kept pixels alone.',
    )
    parser.add_argument('--messages', type=int, default=200_000, help='default %(default)s')
    parser.add_argument('--seed', type=int, default=0, help='the same seed, the same storm')
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
    parser.add_argument('--log', type=Path, help='file for what the node says')
    options = parser.parse_args(args)
    if options.messages < 1 or not (options.hz >= 0 and math.isfinite(options.hz)):
        parser.error('--messages must be 1 or more, --hz 0 or more')
    row = run(**vars(options))
    print(json.dumps(row, indent=2))
    return 1 if row['violations'] else 0


if __name__ == '__main__':
    sys.exit(main())
