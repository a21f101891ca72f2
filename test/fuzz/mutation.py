# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Damages one file of a folder, in the same way for the same seed."""

from collections.abc import Callable
import os
from pathlib import Path
from random import Random
import shutil

from fuzz.byte_damage import BYTE_DAMAGES, FORMAT_DAMAGES
from fuzz.structured_text import TEXT_DAMAGES

FILE_DAMAGE_SHARE = 0.12  # of the cases: missing, a link, unreadable …


def mutate(rng: Random, file: Path) -> str:
    """Damage a file in place; return the names of the damages."""
    if rng.random() < FILE_DAMAGE_SHARE:
        change = rng.choice(FILE_DAMAGES)
        change(rng, file)
        return change.__name__
    data = file.read_bytes()
    names = []
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        special = TEXT_DAMAGES.get(file.suffix) or FORMAT_DAMAGES.get(file.suffix)
        change = special if special and rng.random() < 0.6 else rng.choice(BYTE_DAMAGES)
        names.append(change.__name__)
        data = change(rng, data) if data else data
    file.write_bytes(data)
    return ', '.join(names)


def empty(rng: Random, file: Path) -> None:
    """Empty the file."""
    file.write_bytes(b'')


def missing(rng: Random, file: Path) -> None:
    """Remove the file."""
    file.unlink()


def folder(rng: Random, file: Path) -> None:
    """Replace the file by a folder, empty or with a file in it."""
    file.unlink()
    file.mkdir()
    if rng.random() < 0.5:
        (file / file.name).write_bytes(b'')


def symlink_loop(rng: Random, file: Path) -> None:
    """Replace the file by a link to itself, or to a folder that contains it."""
    file.unlink()
    file.symlink_to(rng.choice((file.name, '.', '..')))


def symlink_nowhere(rng: Random, file: Path) -> None:
    """Replace the file by a broken link."""
    file.unlink()
    file.symlink_to('nowhere')


def forbidden(rng: Random, file: Path) -> None:
    """Forbid reading the file, or the folder it is in."""
    rng.choice((file, file, file.parent)).chmod(0)


def another(rng: Random, file: Path) -> None:
    """Replace the file by another one of the folder."""
    others = sorted(path for path in file.parent.iterdir() if path.is_file() and path != file)
    if others:
        shutil.copyfile(rng.choice(others), file)
    else:
        file.write_bytes(rng.randbytes(1000))


FILE_DAMAGES: tuple[Callable[[Random, Path], None], ...] = (
    empty, missing, folder, symlink_loop, symlink_nowhere, forbidden, another,
)  # fmt: skip


def make_readable(folder: Path) -> None:
    """Make a folder and all that is in it readable again."""
    folder.chmod(0o755)
    for path, folders, files in os.walk(folder):
        for name in (*folders, *files):
            below = Path(path) / name
            if not below.is_symlink():
                below.chmod(0o755)
