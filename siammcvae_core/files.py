# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The cache folder, files that appear whole or not at all, and what is read back out of files."""

from collections.abc import Iterator
from contextlib import contextmanager
import hashlib
import json
import os
from pathlib import Path
import tempfile
from typing import Any


def cache_folder() -> Path:
    """Give the user's cache folder of this package, there or not."""
    base = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
    return Path(base).expanduser() / 'siammcvae_ros'


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give a draft beside `path` to write, and put it in its place when all of it is on the disk.

    Whatever is raised on the way, `path` stays as it was and the draft is gone. Raises OSError.
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
    """Write a file that appears whole or not at all; raises OSError."""
    with replaced(path) as draft:
        draft.write_bytes(content)


def read_json(path: Path) -> Any:
    """Read what a JSON file says; raises OSError, and ValueError for one that is damaged."""
    return parse_json(path.read_bytes())


def parse_json(text: str | bytes) -> Any:
    """Read JSON; raises ValueError for whatever is none, also what nests too deeply."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError('nests too deeply') from error


def sha256(path: Path) -> str:
    """Hash a file, as hexadecimal digits; raises OSError."""
    with path.open('rb') as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
