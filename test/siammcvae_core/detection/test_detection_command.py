# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The detection command counts cells as it says it does."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from siammcvae_core.detection.__main__ import main
from siammcvae_core.detection.cell_counts import CellCounts, count_cells, NONE, tables
from siammcvae_core.simulation.drive import DriveSim

FRAMES = [frame.image for frame in DriveSim((160, 96), frames=12)]


def test_counts_add_up_to_the_cells() -> None:
    total = count_cells(FRAMES, 10.0, 'random:0.5', 0.5, 3, 1)
    lost, found, visible, visible_found, intact, alarms = total.cells.tolist()
    assert lost + intact == 12 * 6 * 10
    assert 0 < lost == found
    assert 0 < visible_found == visible <= lost
    assert total.recall == total.recall_visible == 1.0
    assert total.by_class[0].sum() == found + alarms
    assert total.by_class[1].sum() == found


def test_intact_clip_has_nothing_to_find() -> None:
    total = count_cells(FRAMES, 10.0, NONE, 0.0, 3, 1)
    assert total.cells[:4].tolist() == [0, 0, 0, 0]
    assert total.cells[4] == 12 * 6 * 10


def test_tables_pool_faults_and_clips() -> None:
    counts = {
        'full': {
            'a': CellCounts(np.array([90, 45, 80, 40, 10, 1])),
            'b': CellCounts(np.zeros(6, int)),
        },
        NONE: {'a': CellCounts(np.array([0, 0, 0, 0, 100, 3])), 'b': CellCounts(np.zeros(6, int))},
    }
    text = tables(counts)
    assert '| `full` | 0.500 | 0.500 | 0.50 a | 0.50 a | 10.000% |' in text
    assert '| a | 0.500 | 0.500 | 10.000% | 3.000% |' in text
    assert '**10.000%**' in text


def test_command_prints_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for clip in ('one', 'two'):
        (tmp_path / clip).mkdir()
        for number, frame in enumerate(FRAMES):
            cv2.imwrite(str(tmp_path / clip / f'{number}.png'), frame)
    arguments = ['--data', str(tmp_path), '--skip', '2', '--frames', '6', '--faults', 'full']
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert '| `full` |' in printed
    assert main([*arguments, '--jobs', '2']) == 0
    assert capsys.readouterr().out == printed
    assert main(['--data', str(tmp_path / 'nothing')]) == 2
    assert 'No such file' in capsys.readouterr().err
    assert main([*arguments[:-1], 'fulll']) == 2
    assert "did you mean 'full'" in capsys.readouterr().err
