# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the node: every frame comes back, and its row is complete."""

import json
import subprocess
import sys

import pytest


def benchmark(*arguments):
    command = [sys.executable, '-m', 'siammcvae_ros.benchmark', *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_every_frame_comes_back():
    done = benchmark('--size', '64x48', '--hz', '20', '--frames', '20', '--lost', '0.25')
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert (row['sent'], row['delivered'], row['size']) == (20, 20, '64x48')
    assert float(row['restored_ms_p50']) > 0
    assert row['end_to_end_ms_p50'] > float(row['passed_ms_p50'])


@pytest.mark.parametrize('size', ['huge', '3x3', '64x48x3'])
def test_bad_size_is_refused_without_a_traceback(size):
    done = benchmark('--size', size)
    assert done.returncode == 2
    assert 'Traceback' not in done.stderr
