# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Deals cases to workers, and tells which died, hung or were at fault."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
import ctypes
from dataclasses import dataclass, field
import json
from math import inf
import os
from pathlib import Path
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from threading import Lock
import time
from typing import Any

from fuzz.mutation import allow
from fuzz.worker import Limits, READERS
from tqdm import tqdm

TESTS = Path(__file__).parents[1]
LIMITS = Limits(seconds=10, megabytes=1024)
KEPT = 3  # files kept of faults that look the same
ASLEEP = 5  # seconds; who waits for a busy processor does not sleep
DROP_CAPABILITY = 24  # PR_CAPBSET_DROP
ALL_FILES_ARE_MINE = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
ENVIRONMENT = {
    'OMP_NUM_THREADS': '1',
    'MALLOC_ARENA_MAX': '2',  # address space is limited, too
    'PYTHONFAULTHANDLER': '1',
    'TORCHINDUCTOR_CACHE_DIR': '/nowhere',  # it is made in a folder for passing files, else
    'PYTHONPATH': f'{TESTS}:{TESTS.parent}',
}


@dataclass(frozen=True)
class Case:
    """A number that decides what is done to which file of a kind."""

    name: str
    seed: int
    number: int


@dataclass
class Account:
    """Counts by kind of file and outcome, and the faults."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    slowest: float = 0.0
    megabytes: float = 0.0

    def add(self, case: Case, verdict: dict[str, Any]) -> int:
        """Enter a verdict; gives how many faults of its like there were before."""
        self.counts.setdefault(case.name, Counter())[verdict['outcome']] += 1
        self.slowest = max(self.slowest, verdict['seconds'])
        self.megabytes = max(self.megabytes, verdict['megabytes'])
        if verdict['outcome'] != 'fault':
            return 0
        like = [f for f in self.faults if (f['kind'], f['what']) == (case.name, verdict['what'])]
        told = {'kind': case.name, 'seed': case.seed, 'number': case.number, **verdict}
        self.faults.append(told)
        return len(like)


class Process:
    """A worker in a process of its own, started anew after its death."""

    def __init__(self, root: Path, limits: Limits, modules: Sequence[str]) -> None:
        self._root = root
        self._limits = limits
        self._modules = modules
        self._process: subprocess.Popen[str] | None = None
        root.mkdir()

    def judge(self, case: Case) -> dict[str, Any]:
        """Have a case judged; a worker that dies or hangs of it is a fault too."""
        process = self._running()
        assert process.stdin
        assert process.stdout
        try:
            print(json.dumps(vars(case)), file=process.stdin, flush=True)
        except BrokenPipeError:
            return self._died('the worker died before the case')
        asleep, spent = 0, 0
        while not select.select([process.stdout], [], [], 1.0)[0]:
            still, used = _sleeps(process.pid)
            asleep = asleep + 1 if still and used == spent else 0
            spent = used
            if asleep > ASLEEP:
                return self._died('hangs')
        line = process.stdout.readline()
        if not line:
            return self._died('')
        return json.loads(line)

    def keep(self, folder: Path, verdict: dict[str, Any]) -> None:
        """Copy the files of the last case, as they are after it."""
        allow(self._root / 'case')
        shutil.copytree(self._root / 'case', folder, symlinks=True, dirs_exist_ok=True)
        (folder / 'verdict.json').write_text(json.dumps(verdict, indent=1))

    def close(self) -> None:
        """End the worker."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _running(self) -> 'subprocess.Popen[str]':
        if self._process is None:
            limits = [str(self._limits.seconds), str(self._limits.megabytes)]
            self._process = subprocess.Popen(
                [sys.executable, '-m', 'fuzz.worker', str(self._root), *limits, *self._modules],
                env={**os.environ, **ENVIRONMENT}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True, preexec_fn=_as_anybody,
            )  # fmt: skip
        return self._process

    def _died(self, how: str) -> dict[str, Any]:
        assert self._process
        if how == 'hangs':
            self._process.kill()
        self._process.wait()
        status = self._process.returncode
        self.close()
        told = (self._root / 'log').read_text(errors='replace')[-3000:]
        if not how and status < 0:
            name = signal.Signals(-status).name
            how = 'takes too long' if name == 'SIGXCPU' else f'died of {name}'
        return {
            'outcome': 'fault', 'what': how or f'exit status {status}', 'told': told,
            'damage': '', 'target': '', 'seconds': 0.0, 'megabytes': 0.0,
        }  # fmt: skip


def fuzz(
    kinds: Sequence[str], cases: int, seed: int = 0, jobs: int = 1, limits: Limits = LIMITS,
    keep: Path | None = None, first: int = 0, modules: Sequence[str] = READERS,
    minutes: float = inf,
) -> Account:  # fmt: skip
    """Judge cases of every kind in turn, in `jobs` processes; files of faults go to `keep`.

    Cases of a kind are numbered from `first`. `modules` list the kinds. After `minutes` no case is
    begun.
    """
    account, lock, end = Account(), Lock(), time.monotonic() + 60 * minutes
    count = len(kinds)
    dealt = iter([Case(kinds[k % count], seed, first + k // count) for k in range(cases)])
    with (
        tempfile.TemporaryDirectory(prefix='fuzz') as folder,
        tqdm(total=cases, unit='case', disable=None) as bar,
    ):

        def work(number: int) -> None:
            process = Process(Path(folder) / str(number), limits, modules)
            try:
                for case in _shared(dealt, lock):
                    if time.monotonic() > end:
                        break
                    verdict = process.judge(case)
                    with lock:
                        like = account.add(case, verdict)
                        bar.update()
                    if keep and verdict['outcome'] == 'fault' and like < KEPT:
                        process.keep(keep / f'{case.name}-{case.seed}-{case.number}', verdict)
            finally:
                process.close()

        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(work, range(jobs)))
    return account


def _shared(cases: Iterator[Case], lock: Lock) -> Iterator[Case]:
    while True:
        with lock:
            case = next(cases, None)
        if case is None:
            return
        yield case


def _sleeps(pid: int) -> tuple[bool, int]:
    """Tell whether all threads of a process sleep, and the ticks they have computed."""
    states, ticks = set(), 0
    for thread in Path(f'/proc/{pid}/task').glob('*/stat'):
        with suppress(OSError):  # it has ended meanwhile
            fields = thread.read_text().rpartition(') ')[2].split()
            states.add(fields[0])
            ticks += int(fields[11]) + int(fields[12])
    return states <= {'S'}, ticks


def _as_anybody() -> None:
    """Take root's right to read every file, so that what is forbidden is."""
    for capability in ALL_FILES_ARE_MINE:
        ctypes.CDLL(None).prctl(DROP_CAPABILITY, capability, 0, 0, 0)
