# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One process that reads damaged files, case after case, and may die of one.

Cases come as JSON lines on stdin, results leave the same way; what libraries print goes to a log.
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

from fuzz.file_kind import FileKind
from fuzz.mutation import make_readable, mutate

from siammcvae_core.errors import InputError

READERS = (
    'fuzz.recordings', 'fuzz.wild_recordings', 'fuzz.odd_videos', 'fuzz.training_files',
    'fuzz.models',
)  # fmt: skip
"""Modules that list kinds of files."""
WORKED, REFUSED, FAULT = 'worked', 'refused', 'fault'
FORBIDDEN = ('pickle.find_class', 'os.system', 'os.exec', 'subprocess.Popen', 'socket.connect')
"""Audit events of Python that no file may cause."""
PAGE = resource.getpagesize()
MEGA = 2**20

Listing = dict[str, tuple[int, int]]
"""Size and modification time of files, by name."""


@dataclass(frozen=True)
class Limits:
    """What a case may use: seconds of processor time, megabytes of memory."""

    seconds: int
    megabytes: int


@dataclass(frozen=True)
class CaseResult:
    """The outcome of a case; `what` names the fault, `message` is its error or traceback."""

    outcome: str
    damage: str
    target: str
    what: str = ''
    message: str = ''
    seconds: float = 0.0
    megabytes: float = 0.0


def kinds_of(modules: Sequence[str] = READERS) -> dict[str, FileKind]:
    """List the kinds that this environment can read, by name."""
    found = [kind for module in modules for kind in import_module(module).KINDS]
    return {kind.name: kind for kind in found if all(map(find_spec, kind.needs))}


class Worker:
    """Runs cases in a folder of its own, `root`; the files of a case are in `root/case`."""

    def __init__(self, root: Path, limits: Limits, kinds: Mapping[str, FileKind]) -> None:
        self._root = root
        self._kinds = kinds
        self._case = root / 'case'
        self._limits = limits
        self._prepared: set[str] = set()
        self._events: list[str] = []
        self._watching = False
        sys.addaudithook(self._audit)

    def run(self, name: str, seed: int, number: int) -> CaseResult:
        """Damage a file of a kind, read it, and check what that did."""
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
        outcome, what, message = self._read(kind, target)
        seconds = time.process_time() - began
        gc.collect()
        peak = (_peak() - memory) / MEGA
        make_readable(self._case)
        if outcome != FAULT:
            side_effect = self._side_effects(kind, target, before, handles, peak)
            outcome, what = (FAULT, side_effect) if side_effect else (outcome, what)
        shown = str(target.relative_to(self._case))
        return CaseResult(outcome, damage, shown, what, message, round(seconds, 3), round(peak, 1))

    def _prepare(self, kind: FileKind) -> None:
        """Put valid files into the folder; the first time, they are read once before."""
        originals = self._root / 'originals' / kind.name
        if kind.name not in self._prepared:
            self._clear()
            if not originals.exists():
                kind.write(self._case)
                shutil.copytree(self._case, originals)
            for target in sorted(self._targets(kind)):
                self._clear(originals)
                kind.read(self._case, target)
            self._prepared.add(kind.name)
            gc.collect()
            gc.freeze()  # objects of libraries need not be searched after every case
        self._clear(originals)

    def _clear(self, originals: Path | None = None) -> None:
        if self._case.exists():
            make_readable(self._case)
            shutil.rmtree(self._case)
        if originals:
            shutil.copytree(originals, self._case)
        else:
            self._case.mkdir()
        temporary = self._root / 'tmp'
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        tempfile.tempdir = str(temporary)

    def _targets(self, kind: FileKind) -> set[Path]:
        found = {path for glob in kind.targets for path in self._case.glob(glob)}
        return {path for path in found if path.is_file() and path.name != 'jpeg'}

    def _limit(self) -> None:
        os.ftruncate(2, 0)
        Path('/proc/self/clear_refs').write_text('5')  # resets the peak
        seconds = int(time.process_time()) + 1 + self._limits.seconds
        size = int(Path('/proc/self/statm').read_text().split()[0]) * PAGE
        _allow_up_to(seconds, size + 2 * self._limits.megabytes * MEGA)

    def _read(self, kind: FileKind, target: Path) -> tuple[str, str, str]:
        self._events.clear()
        self._watching = True
        try:
            kind.read(self._case, target)
        except InputError as error:
            message = str(error)
            names = {*target.relative_to(self._case).parts, *kind.named}
            if '\n' in message:
                return FAULT, 'a message of several lines', message
            if not any(name in message for name in names):
                return FAULT, 'a message that names no file', message
            return REFUSED, '', message
        except BaseException as error:
            message = ''.join(traceback.format_exception(error, limit=-6))
            return FAULT, f'{type(error).__name__} at {_place(error)}', message
        finally:
            self._watching = False
        return WORKED, '', ''

    def _side_effects(
        self, kind: FileKind, target: Path, before: Listing, handles: int, peak: float
    ) -> str:
        """Name a forbidden side effect of a case that worked or was refused; '' if none."""
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
    """List every file below a folder."""
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
    """Name the last line of siammcvae_core in the traceback of an error."""
    place = '?'
    for frame in traceback.extract_tb(error.__traceback__):
        if 'siammcvae_core' in frame.filename:
            place = f'{frame.filename.rpartition("siammcvae_core/")[2]}:{frame.lineno}'
    return place


def serve(worker: Worker, cases: IO[str], results: IO[str]) -> None:
    """Run cases until there are no more."""
    for line in cases:
        case: dict[str, Any] = json.loads(line)
        results.write(json.dumps(asdict(worker.run(**case))) + '\n')
        results.flush()


if __name__ == '__main__':
    root = Path(sys.argv[1])
    answers = os.fdopen(os.dup(1), 'w')
    log = os.open(root / 'log', os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    faulthandler.register(signal.SIGXCPU, chain=True)
    limits = Limits(int(sys.argv[2]), int(sys.argv[3]))
    serve(Worker(root, limits, kinds_of(sys.argv[4:])), sys.stdin, answers)
