# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The table of the codec's masks, on a rendered drive over real sockets."""

import pytest
from support.coded_stream import drive_frames

from siammcvae_core.data.clips import write_video
from siammcvae_core.detection import codec_table
from siammcvae_core.detection.codec_trial import CodecCounts


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
    for codec, *_, loss, _, recall, precision, _, flagged in rows:
        if loss == '0.0%':
            assert (recall, precision, flagged) == ('n/a', 'n/a', '0.00%')
        else:
            assert float(flagged.rstrip('%')) > 0
            assert recall == 'n/a' or float(recall) >= 0.97, codec


def test_shares_of_nothing_are_not_numbers():
    assert str(CodecCounts().shares()) == '(nan, nan, nan)'


def test_a_folder_that_is_missing_is_one_line(capsys, tmp_path):
    assert codec_table.main(['--data', str(tmp_path / 'none')]) == 2
    assert capsys.readouterr().err.startswith('codec_table: ')
