# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One file of a folder is damaged, always the same way for the same seed."""

from collections.abc import Callable
import os
from pathlib import Path
from random import Random
import shutil

from fuzz.damage import BYTES, FORMATS
from fuzz.texts import STRUCTURED

TREE = 0.12  # share of the cases in which it is the file itself that is wrong


def mutate(rng: Random, file: Path) -> str:
    """Damage a file in place; tells how."""
    if rng.random() < TREE:
        change = rng.choice(TREES)
        change(rng, file)
        return change.__name__
    data = file.read_bytes()
    told = []
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        special = STRUCTURED.get(file.suffix) or FORMATS.get(file.suffix)
        change = special if special and rng.random() < 0.6 else rng.choice(BYTES)
        told.append(change.__name__)
        data = change(rng, data) if data else data
    file.write_bytes(data)
    return ', '.join(told)


def empty(rng: Random, file: Path) -> None:
    """Leave nothing in it."""
    file.write_bytes(b'')


def missing(rng: Random, file: Path) -> None:
    """Take it away."""
    file.unlink()


def folder(rng: Random, file: Path) -> None:
    """Put a folder in its place, empty or with a file in it."""
    file.unlink()
    file.mkdir()
    if rng.random() < 0.5:
        (file / file.name).write_bytes(b'')


def symlink_loop(rng: Random, file: Path) -> None:
    """Let it point to itself, or to a folder that it is in."""
    file.unlink()
    file.symlink_to(rng.choice((file.name, '.', '..')))


def symlink_nowhere(rng: Random, file: Path) -> None:
    """Let it point to what is not there."""
    file.unlink()
    file.symlink_to('nowhere')


def forbidden(rng: Random, file: Path) -> None:
    """Forbid to read it, or the folder it is in."""
    rng.choice((file, file, file.parent)).chmod(0)


def another(rng: Random, file: Path) -> None:
    """Put another file of the folder in its place."""
    others = sorted(path for path in file.parent.iterdir() if path.is_file() and path != file)
    if others:
        shutil.copyfile(rng.choice(others), file)
    else:
        file.write_bytes(rng.randbytes(1000))


TREES: tuple[Callable[[Random, Path], None], ...] = (
    empty, missing, folder, symlink_loop, symlink_nowhere, forbidden, another,
)  # fmt: skip


def allow(folder: Path) -> None:
    """Make a folder readable again, whatever was forbidden in it."""
    folder.chmod(0o755)
    for path, folders, files in os.walk(folder):
        for name in (*folders, *files):
            below = Path(path) / name
            if not below.is_symlink():
                below.chmod(0o755)
