# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the node: its rows are complete, and bad options are refused."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from siammcvae_ros.tools.benchmark.restart import CASES, RestartCase, table
from siammcvae_ros.tools.benchmark.stream import Load, summarise


def benchmark(*arguments):
    command = [sys.executable, '-m', 'siammcvae_ros.tools.benchmark', *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)


def test_damaged_and_intact_cameras_have_their_rows():
    load = ('--size', '64x48', '--hz', '10', '--frames', '20', '--cameras', '3')
    done = benchmark(*load, '--damaged', '1', '--lost', '0.25')
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    damaged, intact = rows['damaged'], rows['intact']
    assert (rows['size'], rows['lost']) == ('64x48', 0.25)
    assert (damaged['cameras'], damaged['sent']) == (1, 20)
    assert (intact['cameras'], intact['sent']) == (2, 40)
    assert 'restored_ms_p50' not in intact
    for row in (damaged, intact):
        assert 0 <= row['delivered'] <= row['sent']
        assert {'passed_ms_p50', 'end_to_end_ms_p50', 'end_to_end_ms_p99'} <= row.keys()


def camera(delays, values):
    """Stand in for a camera that received frames after `delays` and has these diagnostics."""
    return SimpleNamespace(
        delays=delays, values={k.replace('__', '.'): v for k, v in values.items()}
    )


STAGES = ('intake', 'mask_wait', 'queue', 'publish')
DIAGNOSTICS = {
    'restored_ms_p50': '7.5',
    'restored_ms_p99': '9.0',
    'passed_ms_p50': '1.25',
    **{f'stage.{stage}_ms_p50': '0.5' for stage in STAGES},
    **{f'stage.{stage}_ms_p99': '1.0' for stage in STAGES},
    'stage.restore_ms_p50': '5.5',
    'received': '20',
}


def test_overhead_is_all_stages_but_the_restorer():
    row = summarise([camera([0.25], DIAGNOSTICS)], Load(frames=20))
    assert (row['overhead_ms_p50'], row['overhead_ms_p99']) == (2.0, 4.0)
    assert (row['restored_ms_p50'], row['end_to_end_ms_p50']) == (7.5, 250.0)
    assert (row['cameras'], row['sent'], row['delivered']) == (1, 20, 1)
    assert 'received' not in row


def test_of_several_cameras_the_slowest_counts():
    fast, slow = (
        camera([0.25], {'passed_ms_p50': '1.0'}),
        camera([0.5, 0.75], {'passed_ms_p50': '3.0'}),
    )
    row = summarise([fast, slow], Load(frames=5))
    assert (row['passed_ms_p50'], row['end_to_end_ms_p50']) == (3.0, 500.0)
    assert (row['cameras'], row['sent'], row['delivered']) == (2, 10, 3)


def test_nothing_restored_is_no_row_of_restored_frames():
    row = summarise(
        [camera([], {'restored_ms_p50': 'n/a', 'passed_ms_p50': '1.0'})], Load(frames=5)
    )
    assert 'restored_ms_p50' not in row
    assert 'overhead_ms_p50' not in row


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
def test_bad_options_are_refused_without_a_traceback(arguments):
    done = benchmark(*arguments)
    assert done.returncode == 2
    assert 'Traceback' not in done.stderr


def test_restart_times_are_listed_by_case_and_together():
    assert len(set(CASES)) == 15
    node = RestartCase(('node',), [1.0, 2.0, 1.5], [2.0, 4.0, 3.0])
    cases = [node, RestartCase(('masks', 'node'), [0.5], [9.0])]
    rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in table(cases)][2:]
    assert rows == [
        ['node', '3', '1.50', '2.00', '3.00', '4.00'],
        ['masks, node', '1', '0.50', '0.50', '9.00', '9.00'],
        ['any', '4', '1.25', '2.00', '3.50', '9.00'],
    ]
