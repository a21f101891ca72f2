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
import tempfile
import threading
import time

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image
from tqdm import tqdm

from siammcvae_ros.tools.benchmark.participants import judge, RELIABLE
from siammcvae_ros.tools.dds_domain import isolate, SHARED_MEMORY
from siammcvae_ros.tools.processes import Child, ProcessError

ROLES = ('camera', 'masks', 'node')
CASES = tuple(order for n in (1, 2, 3) for order in permutations(ROLES, n))
EPOCH = 10**9  # ns, where a clock that starts with the camera begins
LIMIT = 60.0  # s without a restored frame
LONGEST_PAUSE = 1.0  # s between the last kill and the first start
SHORTEST_PAUSE = 0.2  # s; what was on its way when the last was killed has come by then
SETTLED = 4  # restored frames in a row, between two cases


@dataclass
class Case:
    """What was killed and started again in this order, and how it came back, time after time.

    `frames` are the seconds from the last start to the first frame, `restored` to the first
    restored one.
    """

    order: tuple[str, ...]
    frames: list[float] = field(default_factory=list)
    restored: list[float] = field(default_factory=list)


class Rig:
    """The three processes, and an ear on what comes out."""

    def __init__(self, folder: Path, weights: str, own_clock: bool) -> None:
        self._folder = folder
        self._own_clock = own_clock
        self._weights = weights
        self._started = 0
        self._children: dict[str, Child] = {}
        self._stack = ExitStack()
        self._heard = threading.Condition()
        self._verdicts: list[tuple[float, str]] = []
        self._node = Node('benchmark')
        self._node.create_subscription(Image, 'restored/image_raw', self._hear, RELIABLE)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)

    def __enter__(self) -> 'Rig':
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()
        self._executor.shutdown()
        self._thread.join()

    def start(self, role: str) -> None:
        """Start one of ROLES."""
        if role == 'node':
            module, own = 'restore_node', {'weights': self._weights}
        else:
            module = 'benchmark_peers'
            own = {'role': role, 'clock_start': str(EPOCH if self._own_clock else 0)}
        log = self._folder / f'{role}{self._started}.log'
        self._started += 1
        settings = (word for name, value in own.items() for word in ('-p', f'{name}:={value}'))
        child = Child(f'siammcvae_ros.{module}', ('--ros-args', *settings), log)
        self._children[role] = self._stack.enter_context(child)

    def play(self, case: Case, pause: float) -> None:
        """Kill and start again what the case says, `pause` seconds apart, and take the times."""
        for role in case.order:
            self._children[role].kill()
        time.sleep(pause)
        for role in case.order:
            self.start(role)
        began = time.monotonic()
        self.expect()
        verdicts = self.wait_settled(f'killed and started again: {", ".join(case.order)}')
        case.frames.append(verdicts[0][0] - began)
        case.restored.append(next(at for at, verdict in verdicts if verdict == 'restored') - began)

    def expect(self) -> None:
        """Forget what was heard."""
        with self._heard:
            self._verdicts.clear()

    def wait_settled(self, what: str) -> list[tuple[float, str]]:
        """Wait until damaged frames are restored again; give what was heard, and when."""

        def settled() -> bool:
            damaged = [verdict for _, verdict in self._verdicts if verdict != 'intact']
            return damaged[-SETTLED:] == ['restored'] * SETTLED

        with self._heard:
            came = self._heard.wait_for(settled, LIMIT)
            verdicts = list(self._verdicts)
        if any(verdict == 'wrong' for _, verdict in verdicts):
            raise ProcessError(f'{what}: a frame came whose kept pixels are not those of its stamp')
        if not came:
            heard = [verdict for _, verdict in verdicts[-2 * SETTLED :]]
            log = self._children['node'].last_lines()
            raise ProcessError(f'{what}: not restored within {LIMIT} s, but {heard}\n{log}')
        return verdicts

    def _hear(self, msg: Image) -> None:
        with self._heard:
            self._verdicts.append((time.monotonic(), judge(msg)))
            self._heard.notify()


def run(weights: str, rounds: int, own_clock: bool) -> list[Case]:
    """Go `rounds` times through all cases; ProcessError where the stream does not come back.

    `own_clock`: the camera's clock begins anew with the camera, so that time goes back.
    """
    cases = [Case(order) for order in CASES]
    pauses = random.Random(0)
    before = _segments()
    with tempfile.TemporaryDirectory() as folder:
        isolate(Path(folder))
        rclpy.init(args=[])
        try:
            with Rig(Path(folder), weights, own_clock) as rig:
                for role in ROLES:
                    rig.start(role)
                rig.wait_settled('started')
                for case in tqdm(cases * rounds, unit='case', disable=None):
                    rig.play(case, pauses.uniform(SHORTEST_PAUSE, LONGEST_PAUSE))
        finally:
            rclpy.try_shutdown()
            _give_back(_segments() - before)
    return cases


def _segments() -> set[Path]:
    return set(SHARED_MEMORY.glob('fast*_????????????????'))


def _give_back(segments: Iterable[Path]) -> None:
    """Remove shared memory that those left behind who were killed: what no process locks."""
    for segment in segments:
        lock = segment.with_name(f'{segment.name}_el')
        with suppress(OSError), lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            segment.unlink()
            lock.unlink()


def table(cases: Sequence[Case]) -> Iterator[str]:
    """Give the lines of a table of the cases, seconds, and of all together."""
    yield '| killed, then started again | times | frames p50 s | max s | restored p50 s | max s |'
    yield '|---|---|---|---|---|---|'
    everything = Case(('any',))
    for case in cases:
        everything.frames += case.frames
        everything.restored += case.restored
    for case in (*cases, everything):
        times = (np.median(case.frames), max(case.frames),
                 np.median(case.restored), max(case.restored))  # fmt: skip
        cells = (', '.join(case.order), str(len(case.frames)), *(f'{t:.2f}' for t in times))
        yield f'| {" | ".join(cells)} |'
