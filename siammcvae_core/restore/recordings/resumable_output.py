# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An output written in parts, so that a run that was killed resumes where it was.

Beside OUT lies the folder `OUT.partial`: finished parts of PART frames each, and `state.json`,
which names them, what the restorer kept after the last one, and the input and settings they depend
on. Parts and `state.json` are replaced atomically, in this order. OUT itself appears when complete.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
import hashlib
import json
from pathlib import Path
import shutil
from typing import Any

from filelock import FileLock, Timeout

from siammcvae_core.errors import InputError
from siammcvae_core.files import read_json, replaced, sha256, write_whole

PART = 64  # frames: what a kill costs at most
STATE, LOCK = 'state.json', 'lock'


class ResumableOutput:
    """The finished parts of one output, and how far they reach.

    `settings` is all that the frames depend on, as JSON values. `parts` maps the name of each
    finished part to its SHA-256. `done` counts finished frames, `kept` are the indices of the
    frames that the restorer kept after them, oldest first, `counts` how many frames had which
    outcome.
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
        """Lock the folder and resume from parts of the same settings; delete it after a success.

        Raises InputError where OUT exists or the folder is damaged or of other settings, unless
        `overwrite`, and where another process writes to it.
        """
        if self.out.exists() and not overwrite:
            raise InputError(f'{self.out} exists; --overwrite replaces it')
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            held = FileLock(self.folder / LOCK).acquire(timeout=0)
        except Timeout as error:
            raise InputError(f'another process is restoring to {self.out}') from error
        except OSError as error:
            raise InputError(f'{self.folder} cannot be made: {error.strerror}') from error
        with held:
            self._resume(overwrite)
            yield
            shutil.rmtree(self.folder)

    @contextmanager
    def part(self, suffix: str) -> Iterator[Path]:
        """Yield where to write the next part; it counts once `finish` was called."""
        path = self.folder / f'{len(self.parts):05d}{suffix}'
        with replaced(path) as draft:
            yield draft
        self.parts[path.name] = sha256(path)

    def finish(self, frames: int, kept: list[int], counts: Counter[str]) -> None:
        """Record that the parts so far hold the first `frames` frames."""
        self.done, self.kept, self.counts = frames, kept, Counter(counts)
        state = {
            'settings': self._settings, 'parts': self.parts, 'done': frames, 'kept': kept,
            'counts': counts,
        }  # fmt: skip
        content = json.dumps({'state': state, 'sha256': _digest(state)})
        write_whole(self.folder / STATE, content.encode())

    def publish(self, complete: Path) -> None:
        """Move a file or folder inside `folder` to OUT, in place of what is there."""
        if self.out.is_dir() and not self.out.is_symlink():
            shutil.rmtree(self.out)
        complete.replace(self.out)

    def _resume(self, overwrite: bool) -> None:
        try:
            state = self._read_state()
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

    def _read_state(self) -> Any:
        """Read what `finish` wrote; raises ValueError where it or a part was changed."""
        stored = read_json(self.folder / STATE)
        if not isinstance(stored, dict) or stored.get('sha256') != _digest(stored.get('state')):
            raise ValueError(f'{STATE} is not what was written')
        for name, digest in stored['state']['parts'].items():
            part = self.folder / name
            if not part.is_file() or sha256(part) != digest:
                raise ValueError(f'{name} is not what was written')
        return stored['state']


def _digest(state: Any) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
