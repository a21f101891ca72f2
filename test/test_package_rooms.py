# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The table of rooms in CONTRIBUTING.md is what the imports are; imports run downwards only."""

import ast
from pathlib import Path
import re

import pytest

ROOT = Path(__file__).parents[1]
GROUND = {'errors', 'files', 'frames', ''}  # '' is the package itself
LOOSE = {'__init__', '__main__', 'errors', 'files', 'frames'}


def rows(package: str) -> dict[str, set[str]]:
    """Read a table: room to the rooms its row names, `siammcvae_core` being any of the core."""
    text = (ROOT / 'CONTRIBUTING.md').read_text()
    table = text.split(f'| `{package}/` |')[1].split('\n\n')[0]
    found = re.findall(r'^\| `(\w+)(?:/|\.py)` \|[^|]*\|([^|]*)\|$', table, re.M)
    return {room: set(re.findall(r'`(\w+)', named)) for room, named in found}


def allowed(room: str, table: dict[str, set[str]], above: tuple[str, ...] = ()) -> set[str]:
    """Take what a row names, and what their rows name."""
    assert room not in above, f'{room} imports itself by way of {above}'
    below = (allowed(name, table, (*above, room)) for name in table.get(room, ()))
    return set(table.get(room, ())).union(*below)


def modules(package: str) -> dict[str, list[Path]]:
    """Sort the files of a package by their room."""
    found: dict[str, list[Path]] = {}
    for path in sorted((ROOT / package).rglob('*.py')):
        found.setdefault(path.relative_to(ROOT / package).with_suffix('').parts[0], []).append(path)
    return found


def imported(path: Path) -> set[tuple[str, str]]:
    """List what a file imports of ours, as (package, room)."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            deeper = '.' in node.module
            names += [node.module if deeper else f'{node.module}.{a.name}' for a in node.names]
    parts = [name.split('.') for name in names if name.startswith('siammcvae_')]
    rooms = {path.stem if path.is_file() else path.name for path in ROOT.glob('siammcvae_*/*')}
    face = {'load_engine': 'engines', 'Restorer': 'restore', 'RestoredFrame': 'restore'}
    parts = [[p[0], face.get(p[1], p[1])] if len(p) > 1 else p for p in parts]
    return {(p[0], p[1] if len(p) > 1 and p[1] in rooms else '') for p in parts}


@pytest.mark.parametrize('package', ['siammcvae_core', 'siammcvae_ros'])
def test_every_room_has_its_row(package):
    assert set(modules(package)) - LOOSE == set(rows(package))


@pytest.mark.parametrize('package', ['siammcvae_core', 'siammcvae_ros'])
def test_imports_run_downwards(package):
    table = rows(package)
    wrong = [
        f'{path.relative_to(ROOT)} imports {of}.{name}'
        for room, paths in modules(package).items() if room not in ('__init__', '__main__')
        for path in paths
        for of, name in imported(path)
        if name != room or of != package
        if not (of == 'siammcvae_core' and (package != of or name in GROUND))
        if name not in allowed(room, table) | ({''} if of == package else set())
    ]  # fmt: skip
    assert not wrong


def test_core_imports_no_ros_and_has_nothing_loose():
    core = sorted((ROOT / 'siammcvae_core').rglob('*.py'))
    assert not [path for path in core for of, _ in imported(path) if of == 'siammcvae_ros']
    loose = {path.stem for path in (ROOT / 'siammcvae_core').glob('*.py')}
    assert loose == LOOSE
