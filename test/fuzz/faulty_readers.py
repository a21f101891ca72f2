# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Readers with faults that the fuzz must find, for its tests."""

import ctypes
import os
from pathlib import Path
import pickle
import tempfile
import time

from fuzz.file_kind import FileKind

from siammcvae_core.errors import InputError, SourceError

KEPT_OPEN = []


def _write(folder: Path) -> None:
    (folder / 'a.txt').write_text('sound')
    (folder / 'beside.txt').write_text('not damaged')


def _only_damaged(fault):
    def read(folder: Path, target: Path) -> None:
        if target.is_symlink() or not target.is_file() or target.read_text('latin-1') != 'sound':
            fault(folder, target)

    return read


def _sound(folder: Path, target: Path) -> None:
    """Read without a fault."""


def _refuses(folder: Path, target: Path) -> None:
    raise SourceError(f'{target} is damaged')


def _raises(folder: Path, target: Path) -> None:
    raise KeyError('no such thing')


def _names_nothing(folder: Path, target: Path) -> None:
    raise InputError('something is damaged')


def _crashes(folder: Path, target: Path) -> None:
    ctypes.string_at(0)


def _computes(folder: Path, target: Path) -> None:
    while True:
        pass


def _sleeps(folder: Path, target: Path) -> None:
    time.sleep(1000)


def _piles_up(folder: Path, target: Path) -> None:
    bytearray(150 * 2**20).count(1)


def _unpickles(folder: Path, target: Path) -> None:
    pickle.loads(pickle.dumps(Path('x')))


def _runs(folder: Path, target: Path) -> None:
    os.system('true')


def _leaves(folder: Path, target: Path) -> None:
    (folder / 'draft').write_text('half')


def _leaves_elsewhere(folder: Path, target: Path) -> None:
    Path(tempfile.mkstemp()[1])


def _overwrites(folder: Path, target: Path) -> None:
    (folder / 'beside.txt').write_text('longer than it was')


def _keeps_open(folder: Path, target: Path) -> None:
    KEPT_OPEN.append((folder / 'beside.txt').open())


FAULTS = {
    'raises': 'KeyError at ?', 'names nothing': 'a message that names no file',
    'crashes': 'died of SIGSEGV',
    'computes': 'takes too long', 'sleeps': 'hangs', 'piles up': 'too much memory',
    'unpickles': 'pickle.find_class', 'runs': 'os.system', 'leaves': 'left behind: draft',
    'leaves elsewhere': 'left behind: tmp', 'overwrites': 'changed: beside.txt',
    'keeps open': 'files are left open',
}  # fmt: skip
"""By reader, how the report of its fault begins."""
KINDS = tuple(
    FileKind(name, _write, _only_damaged(globals()[f'_{name.replace(" ", "_")}']), ('a.txt',))
    for name in ('sound', 'refuses', *FAULTS)
)
