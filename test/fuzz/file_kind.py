# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A kind of file: how to write a small valid one, and what in the program reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from siammcvae_core.errors import InputError


@dataclass(frozen=True)
class FileKind:
    """A kind of file that the program reads.

    `write` writes valid files into an empty folder. `read(folder, target)` lets the program read
    them after `target` was damaged; it must return or raise an InputError. `targets` are globs of
    the files to damage, `leaves` of those that reading may write or replace. `named` are names that
    an error may mention instead of the damaged file. `needs` are modules that reading requires.
    """

    name: str
    write: Callable[[Path], object]
    read: Callable[[Path, Path], object]
    targets: tuple[str, ...] = ('**/*',)
    leaves: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


class WrongResult(Exception):
    """A reader returned something other than what it documents."""


def require(holds: bool, what: str) -> None:
    """Raise WrongResult with `what` unless `holds`."""
    if not holds:
        raise WrongResult(what)


def run(main: Callable[[list[str]], int], arguments: list[str]) -> None:
    """Run `restore` as its users do; an exit status other than 0 becomes an InputError.

    The error must be on stderr, in a line that begins with the name of the command.
    """
    import contextlib
    import io

    stderr = io.StringIO()
    with contextlib.redirect_stderr(stderr), contextlib.redirect_stdout(io.StringIO()):
        status = main(arguments)
    lines = [line for line in stderr.getvalue().splitlines() if line.strip()]
    require(status in (0, 1, 2), f'exit status {status}')
    if status:
        errors = [line for line in lines if line.startswith('restore: ')]
        require(bool(errors), f'exit status {status} without an error: {lines}')
        raise InputError(errors[-1])
