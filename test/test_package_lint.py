# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The linters of ROS 2 packages; `make lint` runs ruff and mypy."""

from pathlib import Path
import shutil

import pytest

SOURCES = ('siammcvae_core', 'siammcvae_ros', 'launch', 'setup.py')
# Multi-line docstrings begin on the first line and may speak of f(x); properties say what they are;
# sections are written as Google does.
OTHER_HABITS = ('D213', 'D401', 'D402', 'D406', 'D407', 'D413')


def test_flake8(root: Path) -> None:
    flake8 = pytest.importorskip('ament_flake8.main', reason='ament_flake8 is not installed')
    paths = [str(root / source) for source in (*SOURCES, 'test')]
    code, errors = flake8.main_with_errors(argv=['--config', str(root / 'setup.cfg'), *paths])
    assert code == 0, '\n'.join(errors)


def test_pep257(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pep257 = pytest.importorskip('ament_pep257.main', reason='ament_pep257 is not installed')
    paths = [str(root / source) for source in SOURCES]
    code = pep257.main(argv=['--add-ignore', *OTHER_HABITS, '--', *paths])
    assert code == 0, capsys.readouterr().err


def test_xmllint(root: Path) -> None:
    xmllint = pytest.importorskip('ament_xmllint.main', reason='ament_xmllint is not installed')
    if shutil.which('xmllint') is None:
        pytest.skip('xmllint is not installed')
    assert xmllint.main(argv=[str(root / 'package.xml'), str(root / 'config')]) == 0
