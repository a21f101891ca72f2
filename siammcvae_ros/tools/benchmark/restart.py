# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How long the stream is away when camera, fault monitor and node are killed and started again.

Each is a process of its own; which are killed, and in which order, is a case.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
import fcntl
from itertools import permutations
from pathlib import Path
import random
import threading
import time

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image
from tqdm import tqdm

from siammcvae_ros.tools.benchmark.participants import classify_output, RELIABLE
from siammcvae_ros.tools.dds_domain import SHARED_MEMORY
from siammcvae_ros.tools.processes import Child, ProcessError
from siammcvae_ros.tools.ros_session import isolated_ros, parameter_arguments, spinning

ROLES = ('camera', 'masks', 'node')
CASES = tuple(order for n in (1, 2, 3) for order in permutations(ROLES, n))
EPOCH = 10**9  # ns, at which a clock that starts with the camera starts
LIMIT = 60.0  # s without a restored frame
LONGEST_PAUSE = 1.0  # s between the last kill and the first start
SHORTEST_PAUSE = 0.2  # s; frames that were on their way have arrived by then
RESTORED_IN_A_ROW = 4  # of damaged frames, before the next case


@dataclass
class RestartCase:
    """An order in which processes were killed and started again, and the times it took.

    `frames` are the seconds from the last start to the first frame, `restored` to the first
    restored one, one of each per repetition.
    """

    order: tuple[str, ...]
    frames: list[float] = field(default_factory=list)
    restored: list[float] = field(default_factory=list)


class RestartHarness:
    """The three processes, and a subscription to the output; ends them on exit.

    Callbacks need the ROS node, `node`, to spin.
    """

    def __init__(self, folder: Path, weights: str, own_clock: bool) -> None:
        self.node = Node('benchmark')
        self.node.create_subscription(Image, 'restored/image_raw', self._on_output, RELIABLE)
        self._folder = folder
        self._own_clock = own_clock
        self._weights = weights
        self._started = 0
        self._children: dict[str, Child] = {}
        self._stack = ExitStack()
        self._changed = threading.Condition()
        self._outputs: list[tuple[float, str]] = []
        """Time on the monotonic clock in seconds, and the class of the frame."""

    def __enter__(self) -> 'RestartHarness':
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def start(self, role: str) -> None:
        """Start the process of one of ROLES."""
        parameters: dict[str, object]
        if role == 'node':
            module, parameters = 'restore_node', {'weights': self._weights}
        else:
            module = 'tools.benchmark.participants'
            parameters = {'role': role, 'clock_start': EPOCH if self._own_clock else 0}
        log = self._folder / f'{role}{self._started}.log'
        self._started += 1
        child = Child(f'siammcvae_ros.{module}', parameter_arguments(parameters), log)
        self._children[role] = self._stack.enter_context(child)

    def measure(self, case: RestartCase, pause: float) -> None:
        """Kill the processes of a case, start them again after `pause` seconds, take the times."""
        for role in case.order:
            self._children[role].kill()
        time.sleep(pause)
        for role in case.order:
            self.start(role)
        start = time.monotonic()
        with self._changed:
            self._outputs.clear()
        outputs = self.wait_until_restored(f'killed and started again: {", ".join(case.order)}')
        case.frames.append(outputs[0][0] - start)
        case.restored.append(next(at for at, outcome in outputs if outcome == 'restored') - start)

    def wait_until_restored(self, situation: str) -> list[tuple[float, str]]:
        """Wait until damaged frames are restored again; return the frames since, with times."""

        def is_restored() -> bool:
            damaged = [outcome for _, outcome in self._outputs if outcome != 'intact']
            return damaged[-RESTORED_IN_A_ROW:] == ['restored'] * RESTORED_IN_A_ROW

        with self._changed:
            in_time = self._changed.wait_for(is_restored, LIMIT)
            outputs = list(self._outputs)
        if any(outcome == 'wrong' for _, outcome in outputs):
            raise ProcessError(
                f'{situation}: a frame came whose intact pixels are not those of its stamp'
            )
        if not in_time:
            newest = [outcome for _, outcome in outputs[-2 * RESTORED_IN_A_ROW :]]
            log = self._children['node'].last_lines()
            raise ProcessError(f'{situation}: not restored within {LIMIT} s, but {newest}\n{log}')
        return outputs

    def _on_output(self, msg: Image) -> None:
        with self._changed:
            self._outputs.append((time.monotonic(), classify_output(msg)))
            self._changed.notify()


def run(weights: str, rounds: int, own_clock: bool) -> list[RestartCase]:
    """Measure every case `rounds` times; ProcessError where the stream does not come back.

    `own_clock`: the camera's clock starts with the camera, so that its time goes back.
    """
    cases = [RestartCase(order) for order in CASES]
    pauses = random.Random(0)
    before = _segments()
    try:
        with (
            isolated_ros() as folder,
            RestartHarness(folder, weights, own_clock) as harness,
            spinning(harness.node),
        ):
            for role in ROLES:
                harness.start(role)
            harness.wait_until_restored('started')
            for case in tqdm(cases * rounds, unit='case', disable=None):
                harness.measure(case, pauses.uniform(SHORTEST_PAUSE, LONGEST_PAUSE))
    finally:
        _remove_unused(_segments() - before)
    return cases


def _segments() -> set[Path]:
    return set(SHARED_MEMORY.glob('fast*_????????????????'))


def _remove_unused(segments: Iterable[Path]) -> None:
    """Remove shared memory that killed processes left behind: what no process locks."""
    for segment in segments:
        lock = segment.with_name(f'{segment.name}_el')
        with suppress(OSError), lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            segment.unlink()
            lock.unlink()


def table(cases: Sequence[RestartCase]) -> Iterator[str]:
    """Yield the lines of a table with a row per case, in seconds, and one of all cases."""
    yield '| killed, then started again | times | frames p50 s | max s | restored p50 s | max s |'
    yield '|---|---|---|---|---|---|'
    everything = RestartCase(('any',))
    for case in cases:
        everything.frames += case.frames
        everything.restored += case.restored
    for case in (*cases, everything):
        times = (np.median(case.frames), max(case.frames),
                 np.median(case.restored), max(case.restored))  # fmt: skip
        cells = (', '.join(case.order), str(len(case.frames)), *(f'{t:.2f}' for t in times))
        yield f'| {" | ".join(cells)} |'
