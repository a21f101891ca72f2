# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m siammcvae_core` lists every command there is, and each answers --help."""

from importlib import import_module
from pathlib import Path
import sys

import pytest

import siammcvae_core
from siammcvae_core.__main__ import COMMANDS, main

PACKAGE = Path(siammcvae_core.__file__).parent


def command_modules() -> set[str]:
    """Find the modules that `python -m` runs, by the name that follows `siammcvae_core.`."""
    paths = [
        path for path in PACKAGE.rglob('*.py') if "if __name__ == '__main__'" in path.read_text()
    ]
    names = ('.'.join(path.relative_to(PACKAGE).with_suffix('').parts) for path in paths)
    return {name.removesuffix('.__main__') for name in names} - {'__main__'}


def test_every_command_is_listed_and_exists() -> None:
    assert set(COMMANDS) == command_modules()
    packages = {path.parent.relative_to(PACKAGE) for path in PACKAGE.rglob('*/__main__.py')}
    assert {'.'.join(folder.parts) for folder in packages} <= set(COMMANDS)


def test_the_list_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    lines = capsys.readouterr().out.splitlines()
    for name, description in COMMANDS.items():
        assert any(f' siammcvae_core.{name} ' in line and description in line for line in lines)


@pytest.mark.parametrize('name', COMMANDS)
def test_every_command_answers_help(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == 'train':
        pytest.importorskip('accelerate', reason='the extra [train] is not installed')
    package = (PACKAGE / name.replace('.', '/')).is_dir()
    command = import_module(f'siammcvae_core.{name}' + ('.__main__' if package else ''))
    monkeypatch.setattr(sys, 'argv', [name, '--help'])
    try:
        status = command.main()
    except SystemExit as ended:
        status = ended.code
    assert status == 0
    assert f'python -m siammcvae_core.{name}' in capsys.readouterr().out
