# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the node: its rows are complete, and what cannot be is refused."""

import json
import subprocess
import sys

import pytest

from siammcvae_ros.tools.benchmark.restart import Case, CASES, table


def benchmark(*arguments):
    command = [sys.executable, '-m', 'siammcvae_ros.tools.benchmark', *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_damaged_and_intact_cameras_have_their_rows():
    load = ('--size', '64x48', '--hz', '10', '--frames', '20', '--cameras', '3')
    done = benchmark(*load, '--damaged', '1', '--lost', '0.25')
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    damaged, intact = rows['damaged'], rows['intact']
    assert (rows['size'], rows['lost']) == ('64x48', 0.25)
    assert (damaged['cameras'], damaged['sent']) == (1, 20)
    assert (intact['cameras'], intact['sent']) == (2, 40)
    assert damaged['restored_ms_p50'] > damaged['overhead_ms_p50'] > 0
    assert 'restored_ms_p50' not in intact
    for row in (damaged, intact):
        assert 0 < row['delivered'] <= row['sent']  # a busy machine drops frames
        assert row['end_to_end_ms_p50'] > row['passed_ms_p50'] > 0


@pytest.mark.parametrize(
    'arguments',
    [
        ('--size', 'huge'),
        ('--size', '3x3'),
        ('--size', '64x48x3'),
        ('--cameras', '2', '--damaged', '3'),
        ('--hz', '0'),
    ],
)
def test_what_cannot_be_is_refused_without_a_traceback(arguments):
    done = benchmark(*arguments)
    assert done.returncode == 2
    assert 'Traceback' not in done.stderr


def test_restarts_are_told_by_case_and_together():
    assert len(set(CASES)) == 15
    node = Case(('node',), [1.0, 2.0, 1.5], [2.0, 4.0, 3.0])
    cases = [node, Case(('masks', 'node'), [0.5], [9.0])]
    rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in table(cases)][2:]
    assert rows == [
        ['node', '3', '1.50', '2.00', '3.00', '4.00'],
        ['masks, node', '1', '0.50', '0.50', '9.00', '9.00'],
        ['any', '4', '1.25', '2.00', '3.50', '9.00'],
    ]
