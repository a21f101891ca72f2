# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The cache folder, atomic writes, checked reading of JSON, and hashes of files."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
import hashlib
import json
import os
from pathlib import Path
import stat
import tempfile
from typing import Any

from siammcvae_core.errors import InputError


def cache_folder() -> Path:
    """Return the user's cache folder of this package, whether or not it exists.

    A user without a home, as in containers that run as any user, has it among temporary files.
    """
    base = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
    try:
        return Path(base).expanduser() / 'siammcvae_ros'
    except RuntimeError:  # neither HOME nor an entry in passwd
        return temporary_folder()


def temporary_folder() -> Path:
    """Return a folder among temporary files that only this user writes to, the same every time."""
    return _private_folder(Path(tempfile.gettempdir()) / f'siammcvae_ros-{os.getuid()}')


def expand_user(path: str | Path) -> Path:
    """Replace a leading `~` or `~user`; raises InputError where that has no home."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(f'{path}: there is no such home folder; write the whole path') from error


@cache
def _private_folder(folder: Path) -> Path:
    """Make a folder of that name, or a new one where another user may write to that."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if (
            status.st_uid == os.getuid()
            and stat.S_ISDIR(status.st_mode)
            and not status.st_mode & 0o22
        ):
            return folder
        return Path(tempfile.mkdtemp(prefix='siammcvae_ros-'))
    except OSError:
        return folder  # nothing can be written: whoever tries says so


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Write a file atomically: yields a draft beside `path`, which replaces it once on the disk.

    After an exception `path` is as it was and the draft is deleted. Raises OSError.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.')
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        with draft.open('rb') as file:
            os.fsync(file.fileno())
        draft.chmod(0o644)  # mkstemp makes private files
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically: it appears whole or not at all; raises OSError."""
    with replaced(path) as draft:
        draft.write_bytes(content)


def read_json(path: Path) -> Any:
    """Read a JSON file; raises OSError, and ValueError for one that is damaged."""
    return parse_json(path.read_bytes())


def parse_json(text: str | bytes) -> Any:
    """Parse JSON; raises ValueError for what is not JSON or nests too deeply."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError('nests too deeply') from error


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits; raises OSError."""
    with path.open('rb') as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
