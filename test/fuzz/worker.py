# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One process that reads damaged files, case after case, and may die of one.

Cases come as JSON lines on stdin, verdicts leave the same way; what libraries print goes to a log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
import faulthandler
import gc
from importlib import import_module
from importlib.util import find_spec
import json
import os
from pathlib import Path
from random import Random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from typing import Any, IO

from fuzz.kind import Kind
from fuzz.mutation import allow, mutate

from siammcvae_core.errors import InputError

READERS = ('fuzz.recordings', 'fuzz.folders', 'fuzz.models')
"""Modules that list kinds of files."""
WORKED, REFUSED, FAULT = 'worked', 'refused', 'fault'
FORBIDDEN = ('pickle.find_class', 'os.system', 'os.exec', 'subprocess.Popen', 'socket.connect')
"""Audit events of Python that no file may bring about."""
PAGE = resource.getpagesize()
MEGA = 2**20

Listing = dict[str, tuple[int, int]]
"""Files by name, with size and time."""


@dataclass(frozen=True)
class Limits:
    """What a case may take: seconds of processor time, megabytes of memory."""

    seconds: int
    megabytes: int


@dataclass(frozen=True)
class Verdict:
    """What came of a case: `outcome`, the kind of fault in `what`, and how it was told."""

    outcome: str
    damage: str
    target: str
    what: str = ''
    told: str = ''
    seconds: float = 0.0
    megabytes: float = 0.0


def kinds_of(modules: Sequence[str] = READERS) -> dict[str, Kind]:
    """List the kinds that this environment can read, by name."""
    found = [kind for module in modules for kind in import_module(module).KINDS]
    return {kind.name: kind for kind in found if all(map(find_spec, kind.needs))}


class Worker:
    """Judges cases in a folder of its own, `root`; files of a case lie in `root/case`."""

    def __init__(self, root: Path, limits: Limits, kinds: Mapping[str, Kind]) -> None:
        self._root = root
        self._kinds = kinds
        self._case = root / 'case'
        self._limits = limits
        self._known: set[str] = set()
        self._events: list[str] = []
        self._watching = False
        sys.addaudithook(self._audit)

    def judge(self, name: str, seed: int, number: int) -> Verdict:
        """Damage the files of a kind, read them, and see what that did."""
        _allow_up_to(resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        kind = self._kinds[name]
        self._prepare(kind)
        rng = Random(f'{seed} {name} {number}')
        target = rng.choice(sorted(self._targets(kind)))
        before = _listing(self._case)
        damage = mutate(rng, target)
        handles, memory = len(os.listdir('/proc/self/fd')), _resident()
        began = time.process_time()
        self._limit()
        outcome, what, said = self._read(kind, target)
        seconds = time.process_time() - began
        gc.collect()
        peak = (_peak() - memory) / MEGA
        allow(self._case)
        if outcome != FAULT:
            wrong = self._aftermath(kind, target, before, handles, peak)
            outcome, what = (FAULT, wrong) if wrong else (outcome, what)
        shown = str(target.relative_to(self._case))
        return Verdict(outcome, damage, shown, what, said, round(seconds, 3), round(peak, 1))

    def _prepare(self, kind: Kind) -> None:
        """Put sound files into the folder, after having read them once."""
        originals = self._root / 'originals' / kind.name
        if kind.name not in self._known:
            self._clear()
            if not originals.exists():
                kind.write(self._case)
                shutil.copytree(self._case, originals)
            for target in sorted(self._targets(kind)):
                self._clear(originals)
                kind.read(self._case, target)
            self._known.add(kind.name)
            gc.collect()
            gc.freeze()  # what libraries keep need not be looked through after every case
        self._clear(originals)

    def _clear(self, originals: Path | None = None) -> None:
        if self._case.exists():
            allow(self._case)
            shutil.rmtree(self._case)
        if originals:
            shutil.copytree(originals, self._case)
        else:
            self._case.mkdir()
        passing = self._root / 'tmp'
        shutil.rmtree(passing, ignore_errors=True)
        passing.mkdir()
        tempfile.tempdir = str(passing)

    def _targets(self, kind: Kind) -> set[Path]:
        found = {path for glob in kind.targets for path in self._case.glob(glob)}
        return {path for path in found if path.is_file() and path.name != 'jpeg'}

    def _limit(self) -> None:
        os.ftruncate(2, 0)
        Path('/proc/self/clear_refs').write_text('5')  # the peak starts anew
        seconds = int(time.process_time()) + 1 + self._limits.seconds
        size = int(Path('/proc/self/statm').read_text().split()[0]) * PAGE
        _allow_up_to(seconds, size + 2 * self._limits.megabytes * MEGA)

    def _read(self, kind: Kind, target: Path) -> tuple[str, str, str]:
        self._events.clear()
        self._watching = True
        try:
            kind.read(self._case, target)
        except InputError as error:
            told = str(error)
            names = {*target.relative_to(self._case).parts, *kind.named}
            if '\n' in told:
                return FAULT, 'a message of several lines', told
            if not any(name in told for name in names):
                return FAULT, 'a message that names no file', told
            return REFUSED, '', told
        except BaseException as error:
            told = ''.join(traceback.format_exception(error, limit=-6))
            return FAULT, f'{type(error).__name__} at {_place(error)}', told
        finally:
            self._watching = False
        return WORKED, '', ''

    def _aftermath(
        self, kind: Kind, target: Path, before: Listing, handles: int, peak: float
    ) -> str:
        """Say what is wrong after a case that ended as it should, '' if nothing is."""
        if self._events:
            return f'{self._events[0]} was called'
        if peak > self._limits.megabytes:
            return 'too much memory'
        allowed = {str(path) for glob in kind.leaves for path in self._case.glob(glob)}
        for name, state in _listing(self._case).items():
            if (self._case / name).is_relative_to(target):
                continue
            if before.get(name) != state and str(self._case / name) not in allowed:
                return f'{"changed" if name in before else "left behind"}: {name}'
        if left := os.listdir(self._root / 'tmp'):
            return f'left behind: {left[0]}'
        if len(os.listdir('/proc/self/fd')) > handles:
            return 'files are left open'
        return ''

    def _audit(self, event: str, arguments: tuple[object, ...]) -> None:
        if self._watching and event.startswith(FORBIDDEN):
            self._events.append(f'{event} {arguments!r:.100}')


def _allow_up_to(seconds: int, size: int) -> None:
    """Limit the processor time of this process and its address space in bytes."""
    for what, least in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, size)):
        resource.setrlimit(what, (least, resource.getrlimit(what)[1]))


def _listing(folder: Path) -> Listing:
    """Tell every file below a folder."""
    found: Listing = {}
    for path, _, names in os.walk(folder):
        for name in names:
            file = Path(path) / name
            stat = file.lstat()
            found[str(file.relative_to(folder))] = stat.st_size, stat.st_mtime_ns
    return found


def _resident() -> int:
    return int(Path('/proc/self/statm').read_text().split()[1]) * PAGE


def _peak() -> int:
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith('VmHWM:'):
            return int(line.split()[1]) * 1024
    return 0


def _place(error: BaseException) -> str:
    """Name the last line of ours that an error came through."""
    place = '?'
    for frame in traceback.extract_tb(error.__traceback__):
        if 'siammcvae_core' in frame.filename:
            place = f'{frame.filename.rpartition("siammcvae_core/")[2]}:{frame.lineno}'
    return place


def serve(worker: Worker, cases: IO[str], verdicts: IO[str]) -> None:
    """Judge cases until there are no more."""
    for line in cases:
        case: dict[str, Any] = json.loads(line)
        verdicts.write(json.dumps(asdict(worker.judge(**case))) + '\n')
        verdicts.flush()


if __name__ == '__main__':
    own = Path(sys.argv[1])
    answers = os.fdopen(os.dup(1), 'w')
    log = os.open(own / 'log', os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    faulthandler.register(signal.SIGXCPU, chain=True)
    limits = Limits(int(sys.argv[2]), int(sys.argv[3]))
    serve(Worker(own, limits, kinds_of(sys.argv[4:])), sys.stdin, answers)
