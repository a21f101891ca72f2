# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a user names to make reaches the program as it is."""

import os
from pathlib import Path
import shutil
import subprocess

import pytest

PROGRAM = '#!/bin/sh\nprintf "%s\\n" "$@"\n'


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Path:
    """Copy the Makefile beside environments whose Python prints its arguments."""
    shutil.copy(root / 'Makefile', tmp_path)
    for age, name in enumerate(('.venv-fast/ready', '.venv/ready', 'setup.py')):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (10**9 - age, 10**9 - age))
    for name in ('.venv-fast', '.venv'):
        (tmp_path / name / 'bin').mkdir()
        (tmp_path / name / 'bin/python').write_text(PROGRAM)
        (tmp_path / name / 'bin/python').chmod(0o755)
    return tmp_path


def printed(checkout: Path, *arguments: str, **environment: str) -> list[str]:
    process = subprocess.run(
        ['make', '-s', 'PYTHON=false', *arguments],
        cwd=checkout,
        env={**os.environ, **environment},
        capture_output=True,
        encoding='utf-8',
        check=True,
    )
    return process.stdout.splitlines()


DEMO = ['-m', 'siammcvae_ros.tools.demo']


@pytest.mark.parametrize(
    'text',
    [
        'my drive',
        "it's a drive ü.mp4",
        'a "quoted" one',
        'a;b&c|d',
        '(x) *.mp4',
        '`id`',
        '-x',
        '$HOME $(x) $$',
    ],
)
def test_names_reach_the_demo_as_they_are(checkout: Path, text: str) -> None:
    given = [f'OUT={text}', f'VIDEO={text}', f'TOPIC={text}', 'FRAMES=3', 'HZ=2.5']
    expected = [*DEMO, text, '--out', text, '--frames', '3', '--max-hz', '2.5', '--topic', text]
    assert printed(checkout, 'demo', *given) == expected
    variables = {'OUT': text, 'VIDEO': text, 'TOPIC': text, 'FRAMES': '3', 'HZ': '2.5'}
    assert printed(checkout, 'demo', **variables) == expected
    assert printed(checkout, 'demo', f'BAG={text}') == [*DEMO, text, '--out', 'out/demo']


def test_the_demo_has_a_drive_and_a_folder_of_its_own(checkout: Path) -> None:
    assert printed(checkout, 'demo') == [*DEMO, '--out', 'out/demo']


@pytest.mark.parametrize('text', ['my model ü.safetensors', "it's.safetensors", 'a$b'])
def test_weights_reach_the_engine_as_they_are(checkout: Path, text: str) -> None:
    command = ['-m', 'siammcvae_core.engines', 'build', '--policy', 'rebuild', text]
    assert printed(checkout, 'engine', f'WEIGHTS={text}', 'POLICY=rebuild') == command
