# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The table of the codec's masks, on a rendered drive over real sockets."""

import numpy as np
import pytest
from support.coded_stream import drive_frames

from siammcvae_core.data.clips import write_video
from siammcvae_core.detection import codec_table
from siammcvae_core.detection.codec_trial import CodecCounts, count_cells


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp('clips')
    with write_video(folder / 'drive.mp4', 30) as append:
        for frame in drive_frames(12, (320, 192)):
            append(frame)
    return folder


def test_the_table_has_a_row_per_setting_and_nothing_is_flagged_without_loss(
    clips, capsys, monkeypatch
):
    monkeypatch.setattr(codec_table, 'LOSSES', (0.0, 0.1))
    monkeypatch.setattr(codec_table, 'BURSTS', (1.0,))
    assert codec_table.main(['--data', str(clips), '--mbit', '1', '--jobs', '1']) == 0
    rows = [line.strip('| ').split(' | ') for line in capsys.readouterr().out.splitlines()[2:]]
    assert len(rows) == 2 * len(codec_table.CODING)
    for codec, *_, loss, _, mean, largest, precise, wrong, differing, flagged in rows:
        if loss == '0.0%':
            assert (mean, largest, precise, flagged) == ('n/a', 'n/a', 'n/a', '0.00%')
        else:
            assert float(flagged.rstrip('%')) > 0
            assert mean == 'n/a' or float(mean) >= 0.97, codec
            assert largest == 'n/a' or float(largest) >= 0.95, codec
            assert float(precise) <= float(wrong) <= float(differing) <= 1


def test_shares_of_nothing_are_not_numbers():
    assert np.isnan(CodecCounts().recall()).all()
    assert np.isnan(CodecCounts().precision()).all()


def test_counts_tell_apart_how_wrong_a_cell_is():
    truth = np.full((32, 48, 3), 100, np.uint8)
    shown = truth.copy()
    shown[:16, :16] += 9  # on average
    shown[0, 20] += 9  # in one pixel
    shown[0, 40] += 1
    mask = np.zeros((2, 3), bool)
    mask[:, 0] = True
    counts = CodecCounts(count_cells(truth, shown, mask), 1)
    assert counts.cells.tolist() == [[1, 2, 3, 6], [1, 1, 1, 2]]
    assert counts.recall().tolist() == [1, 1 / 2, 1 / 3, 1 / 3]
    assert counts.precision().tolist() == [0.5, 0.5, 0.5, 1]


def test_a_folder_that_is_missing_is_one_line(capsys, tmp_path):
    assert codec_table.main(['--data', str(tmp_path / 'none')]) == 2
    assert capsys.readouterr().err.startswith('codec_table: ')
