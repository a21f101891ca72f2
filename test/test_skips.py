# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`pytest --strict-skips`, as `make test` runs it: no test is skipped for want of a package."""

import os
import subprocess
import sys

import pytest

MODULE = "import pytest\npytest.importorskip('absent', reason='{reason}')\n"
TEST = "import pytest\ndef test_it():\n    pytest.skip('{reason}')\n"


@pytest.mark.parametrize('code', [MODULE, TEST])
@pytest.mark.parametrize(
    ('reason', 'options', 'status'),
    [
        ('onnx is not installed', ['--strict-skips'], pytest.ExitCode.TESTS_FAILED),
        ('onnx is not installed', ['--strict-skips', '--allow-skip=onnx'], pytest.ExitCode.OK),
        ('onnx is not installed', [], pytest.ExitCode.OK),
        ('launch_ros is not installed', ['--strict-skips'], pytest.ExitCode.OK),
    ],
)
def test_a_skip_for_want_of_a_package_fails(root, tmp_path, code, reason, options, status):
    (tmp_path / 'conftest.py').write_text((root / 'test' / 'conftest.py').read_text())
    (tmp_path / 'test_skipped.py').write_text(code.format(reason=reason))
    (tmp_path / 'test_other.py').write_text('def test_it():\n    pass\n')
    command = [sys.executable, '-m', 'pytest', '--continue-on-collection-errors', *options]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert (f'skipped under --strict-skips: Skipped: {reason}' in done.stdout) == (status != 0)
