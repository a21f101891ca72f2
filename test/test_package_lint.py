# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The linters of ROS 2 packages; `make lint` runs ruff and mypy."""

from importlib.util import find_spec
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

SOURCES = ('siammcvae_core', 'siammcvae_ros', 'launch', 'setup.py')
# Multi-line docstrings begin on the first line and may speak of f(x); properties say what they are;
# sections are written as Google does.
OTHER_HABITS = ('D213', 'D401', 'D402', 'D406', 'D407', 'D413')


def lint(root: Path, linter: str, *arguments: str) -> None:
    """Run a linter in a process of its own: flake8 forks, and a fork of the tests' can crash."""
    if find_spec(linter) is None:
        pytest.skip(f'{linter} is not installed')
    command = [sys.executable, '-m', f'{linter}.main', *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_flake8(root: Path) -> None:
    lint(root, 'ament_flake8', '--config', 'setup.cfg', *SOURCES, 'test')


def test_pep257(root: Path) -> None:
    lint(root, 'ament_pep257', '--add-ignore', *OTHER_HABITS, '--', *SOURCES)


def test_xmllint(root: Path) -> None:
    if shutil.which('xmllint') is None:
        pytest.skip('xmllint is not installed')
    lint(root, 'ament_xmllint', 'package.xml', 'config')
