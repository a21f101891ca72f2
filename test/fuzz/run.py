# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Hands cases to worker processes, and collects the faults, crashes and hangs among them."""

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

from fuzz.mutation import make_readable
from fuzz.worker import Limits, READERS
from tqdm import tqdm

TESTS = Path(__file__).parents[1]
LIMITS = Limits(seconds=10, megabytes=1024)
EXAMPLES = 3  # of the same fault, whose files are saved
HANG = 5  # s in which all threads sleep; one that waits for a busy processor does not
DROP_CAPABILITY = 24  # PR_CAPBSET_DROP
FILE_CAPABILITIES = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
ENVIRONMENT = {
    'OMP_NUM_THREADS': '1',
    'MALLOC_ARENA_MAX': '2',  # address space is limited, too
    'PYTHONFAULTHANDLER': '1',
    'TORCHINDUCTOR_CACHE_DIR': '/nowhere',  # by default in the folder of temporary files
    'PYTHONPATH': f'{TESTS}:{TESTS.parent}',
}


@dataclass(frozen=True)
class FuzzCase:
    """One damaged file: kind, seed and number determine the file and the damage."""

    name: str
    seed: int
    number: int


@dataclass
class FuzzResult:
    """Counts by kind of file and outcome, and the faults."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    slowest: float = 0.0
    megabytes: float = 0.0

    def add(self, case: FuzzCase, case_result: dict[str, Any]) -> int:
        """Add the result of a case; return how many equal faults there were before."""
        self.counts.setdefault(case.name, Counter())[case_result['outcome']] += 1
        self.slowest = max(self.slowest, case_result['seconds'])
        self.megabytes = max(self.megabytes, case_result['megabytes'])
        if case_result['outcome'] != 'fault':
            return 0
        key = (case.name, case_result['what'])
        same = [fault for fault in self.faults if (fault['kind'], fault['what']) == key]
        fault = {'kind': case.name, 'seed': case.seed, 'number': case.number, **case_result}
        self.faults.append(fault)
        return len(same)


class WorkerProcess:
    """A worker in a process of its own, started anew after its death."""

    def __init__(self, root: Path, limits: Limits, modules: Sequence[str]) -> None:
        self._root = root
        self._limits = limits
        self._modules = modules
        self._process: subprocess.Popen[str] | None = None
        root.mkdir()

    def run(self, case: FuzzCase) -> dict[str, Any]:
        """Run a case in the worker; its death or hang is a fault too."""
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
            if asleep > HANG:
                return self._died('hangs')
        line = process.stdout.readline()
        if not line:
            return self._died('')
        return json.loads(line)

    def save(self, folder: Path, case_result: dict[str, Any]) -> None:
        """Copy the files of the last case to `folder`, in the state they are in after it."""
        make_readable(self._root / 'case')
        shutil.copytree(self._root / 'case', folder, symlinks=True, dirs_exist_ok=True)
        (folder / 'result.json').write_text(json.dumps(case_result, indent=1))

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
                text=True, preexec_fn=_drop_file_capabilities,
            )  # fmt: skip
        return self._process

    def _died(self, how: str) -> dict[str, Any]:
        assert self._process
        if how == 'hangs':
            self._process.kill()
        self._process.wait()
        status = self._process.returncode
        self.close()
        log = (self._root / 'log').read_text(errors='replace')[-3000:]
        if not how and status < 0:
            name = signal.Signals(-status).name
            how = 'takes too long' if name == 'SIGXCPU' else f'died of {name}'
        return {
            'outcome': 'fault', 'what': how or f'exit status {status}', 'message': log,
            'damage': '', 'target': '', 'seconds': 0.0, 'megabytes': 0.0,
        }  # fmt: skip


def fuzz(
    kinds: Sequence[str], cases: int, seed: int = 0, jobs: int = 1, limits: Limits = LIMITS,
    keep: Path | None = None, first: int = 0, modules: Sequence[str] = READERS,
    minutes: float = inf,
) -> FuzzResult:  # fmt: skip
    """Run cases of every kind in turn, in `jobs` processes; files of faults go to `keep`.

    Cases of a kind are numbered from `first`. `modules` list the kinds. No case starts after
    `minutes`.
    """
    result, lock, end = FuzzResult(), Lock(), time.monotonic() + 60 * minutes
    count = len(kinds)
    queue = iter([FuzzCase(kinds[k % count], seed, first + k // count) for k in range(cases)])
    with (
        tempfile.TemporaryDirectory(prefix='fuzz') as folder,
        tqdm(total=cases, unit='case', disable=None) as bar,
    ):

        def work(number: int) -> None:
            process = WorkerProcess(Path(folder) / str(number), limits, modules)
            try:
                for case in _shared(queue, lock):
                    if time.monotonic() > end:
                        break
                    case_result = process.run(case)
                    with lock:
                        same = result.add(case, case_result)
                        bar.update()
                    if keep and case_result['outcome'] == 'fault' and same < EXAMPLES:
                        process.save(keep / f'{case.name}-{case.seed}-{case.number}', case_result)
            finally:
                process.close()

        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(work, range(jobs)))
    return result


def _shared(cases: Iterator[FuzzCase], lock: Lock) -> Iterator[FuzzCase]:
    while True:
        with lock:
            case = next(cases, None)
        if case is None:
            return
        yield case


def _sleeps(pid: int) -> tuple[bool, int]:
    """Return whether all threads of a process sleep, and their processor time in ticks."""
    states, ticks = set(), 0
    for thread in Path(f'/proc/{pid}/task').glob('*/stat'):
        with suppress(OSError):  # it has ended meanwhile
            fields = thread.read_text().rpartition(') ')[2].split()
            states.add(fields[0])
            ticks += int(fields[11]) + int(fields[12])
    return states <= {'S'}, ticks


def _drop_file_capabilities() -> None:
    """Give up root's right to read every file, so that forbidden files are."""
    for capability in FILE_CAPABILITIES:
        ctypes.CDLL(None).prctl(DROP_CAPABILITY, capability, 0, 0, 0)
