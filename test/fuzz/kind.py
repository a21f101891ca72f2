# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A kind of file: how to make a small sound one, and what of ours reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from siammcvae_core.errors import InputError


@dataclass(frozen=True)
class Kind:
    """A kind of file that the program reads.

    `write` makes sound files in an empty folder. `read(folder, target)` has the program read them,
    of which `target` is damaged; it returns, raises an InputError, or is at fault. `targets` are
    globs of the files that are damaged; `leaves` of those that reading may write or replace.
    `named` are names that stand for the files in an error. `needs` are modules without which there
    is nothing to read.
    """

    name: str
    write: Callable[[Path], object]
    read: Callable[[Path, Path], object]
    targets: tuple[str, ...] = ('**/*',)
    leaves: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


class Wrong(Exception):
    """What a reader gave is not what it promises; the text says what."""


def require(holds: bool, what: str) -> None:
    """Raise Wrong unless it holds."""
    if not holds:
        raise Wrong(what)


def run(main: Callable[[list[str]], int], arguments: list[str]) -> None:
    """Run a command as its users do; exit status 2 becomes the InputError it was.

    What went wrong must be told on stderr, in lines that begin with the name of the command.
    """
    import contextlib
    import io

    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        status = main(arguments)
    lines = [line for line in said.getvalue().splitlines() if line.strip()]
    require(status in (0, 1, 2), f'exit status {status}')
    if status:
        told = [line for line in lines if line.startswith('restore: ')]
        require(bool(told), f'exit status {status} and no word of it: {lines}')
        raise InputError(told[-1])
