# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Work in progress on disk, so that a run that was killed goes on where it was.

Beside OUT lies the folder `OUT.partial`: finished parts of PART frames each, and `state.json`,
which names them, what the restorer knew after the last one, and of which input and settings they
are. A part is written under a passing name and renamed when whole; `state.json` is replaced after
that. OUT itself appears when all is done.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
import fcntl
import hashlib
import json
import os
from pathlib import Path
import shutil
from typing import Any

from siammcvae_core.errors import InputError
from siammcvae_core.files import read_json, sha256

PART = 64  # frames: what a kill costs at most
STATE, LOCK = 'state.json', 'lock'


class Work:
    """The parts of one output.

    `settings` describe all that the frames depend on, as JSON has it. `parts` are the finished
    ones by name, with the SHA-256 that vouches for each. `done` counts finished frames, `kept` are
    the indices of the frames the restorer kept after them, oldest first, `counts` what became of
    them.
    """

    def __init__(self, out: Path, settings: Mapping[str, Any]) -> None:
        self.out = out
        self.folder = out.with_name(f'{out.name}.partial')
        self.parts: dict[str, str] = {}
        self.done = 0
        self.kept: list[int] = []
        self.counts: Counter[str] = Counter()
        self._settings = json.loads(json.dumps(settings))

    @contextmanager
    def begin(self, overwrite: bool) -> Iterator[None]:
        """Take up what is there of the same settings; it is deleted at the end of a success.

        Raises InputError where OUT exists or the folder is damaged or of other settings, unless
        `overwrite`, and where another process is at work.
        """
        if self.out.exists() and not overwrite:
            raise InputError(f'{self.out} exists; --overwrite replaces it')
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / LOCK).open('w')
        except OSError as error:
            raise InputError(f'{self.folder} cannot be made: {error.strerror}') from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise InputError(f'another process is restoring to {self.out}') from error
            self._take_up(overwrite)
            yield
            shutil.rmtree(self.folder)

    @contextmanager
    def part(self, suffix: str) -> Iterator[Path]:
        """Give where to write the next part; it counts once `finish` was called."""
        name = f'{len(self.parts):05d}{suffix}'
        draft = self.folder / f'draft{suffix}'
        yield draft
        _settle(draft)
        os.replace(draft, self.folder / name)
        self.parts[name] = sha256(self.folder / name)

    def finish(self, frames: int, kept: list[int], counts: Counter[str]) -> None:
        """Remember that the parts so far hold the first `frames` frames."""
        self.done, self.kept, self.counts = frames, kept, Counter(counts)
        state = {
            'settings': self._settings, 'parts': self.parts, 'done': frames, 'kept': kept,
            'counts': counts,
        }  # fmt: skip
        draft = self.folder / f'{STATE}.draft'
        draft.write_text(json.dumps({'state': state, 'sha256': _seal(state)}))
        _settle(draft)
        os.replace(draft, self.folder / STATE)

    def publish(self, made: Path) -> None:
        """Move what was made in the folder to OUT, in place of what is there."""
        if self.out.is_dir() and not self.out.is_symlink():
            shutil.rmtree(self.out)
        os.replace(made, self.out)

    def _take_up(self, overwrite: bool) -> None:
        try:
            state = self._stored()
        except FileNotFoundError:
            return
        except ValueError as error:
            problem = f'is damaged: {error}'
        else:
            was = state['settings']
            if was == self._settings:
                self.parts, self.done, self.kept = state['parts'], state['done'], state['kept']
                self.counts = Counter(state['counts'])
                return
            other = ', '.join(key for key in self._settings if was.get(key) != self._settings[key])
            problem = f'was begun with another {other}'
        if not overwrite:
            raise InputError(f'{self.folder} {problem}; --overwrite begins anew')
        (self.folder / STATE).unlink()

    def _stored(self) -> Any:
        """Read what `finish` wrote; raises ValueError where it or a part is something else."""
        stored = read_json(self.folder / STATE)
        if not isinstance(stored, dict) or stored.get('sha256') != _seal(stored.get('state')):
            raise ValueError(f'{STATE} is not what was written')
        for name, digest in stored['state']['parts'].items():
            part = self.folder / name
            if not part.is_file() or sha256(part) != digest:
                raise ValueError(f'{name} is not what was written')
        return stored['state']


def _seal(state: Any) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def _settle(path: Path) -> None:
    """Bring a file to disk, so that what is renamed is whole even after a loss of power."""
    with path.open('rb') as file:
        os.fsync(file.fileno())
