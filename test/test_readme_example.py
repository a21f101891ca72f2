# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The example in the README runs as it stands, and importing the package costs nothing."""

import os
from pathlib import Path
import re
import subprocess
import sys

import cv2
import pytest

import siammcvae_core

ROOT = Path(__file__).parents[1]
HEAVY = ('cv2', 'numpy', 'torch')


def run(code: str, folder: Path) -> str:
    """Run Python code in a process of its own with `folder` as its working directory."""
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_the_readme_restores_a_frame(tmp_path: Path) -> None:
    pytest.importorskip('torch', reason='PyTorch is not installed')
    section = (ROOT / 'README.md').read_text().split('## Without ROS')[1]
    (example,) = re.findall(r'^```python\n(.*?)^```$', section, re.M | re.S)
    check = (
        'from siammcvae_core.metrics import psnr\n'
        'print(restored.method.value, psnr(restored.frame, frame, mask) > 25)\n'
    )
    assert run(example + check, tmp_path).splitlines()[-1] == 'model True'
    assert cv2.imread(str(tmp_path / 'restored.png')).shape == (368, 640, 3)


def test_importing_the_package_imports_nothing_heavy(tmp_path: Path) -> None:
    code = f'import sys, siammcvae_core; print([m for m in {HEAVY} if m in sys.modules])'
    assert run(code, tmp_path) == '[]\n'


@pytest.mark.parametrize('name', siammcvae_core.__all__)
def test_names_of_the_package_are_there(name: str) -> None:
    assert getattr(siammcvae_core, name).__name__ == name
    assert name in dir(siammcvae_core)


def test_other_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match='no attribute'):
        siammcvae_core.Restorers  # type: ignore[attr-defined]  # noqa: B018
