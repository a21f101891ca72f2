# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`evaluate --detector`: a real network looks for squares in restored frames."""

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.detectors import SIDE, write_detector

from siammcvae_core.evaluate import persistent_faults
from siammcvae_core.evaluate.__main__ import main
from siammcvae_core.evaluate.tracks import TrackScores
from siammcvae_core.perception import ObjectDetector


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write two clips with squares that stand still: one, and two."""
    folder = tmp_path_factory.mktemp('data')
    for name, squares in (('one', [(16, 16)]), ('two', [(0, 32), (48, 0)])):
        (folder / name).mkdir()
        for number in range(6):
            frame = np.random.default_rng(number).integers(0, 60, (SIDE, SIDE, 3), np.uint8)
            for left, top in squares:
                frame[top : top + 16, left : left + 16, 0] = 255
            cv2.imwrite(str(folder / name / f'{number}.png'), frame)
    return folder


def arguments(data: Path, out: Path, detector: Path) -> list[str]:
    return [
        '--data', str(data), '--out', str(out), '--methods', 'copy,telea', '--masks', 'full',
        '--gaps', '1', '--size', f'{SIDE}x{SIDE}', '--seeds', '0', '--samples', '2',
        '--jobs', '1', '--detector', str(detector),
    ]  # fmt: skip


def test_objects_are_found_again_or_not(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'out'
    assert main(arguments(data, out, write_detector(tmp_path / 'net.onnx'))) == 0
    report = json.loads((out / 'report.json').read_text())
    rows: dict[tuple[str, str], dict[str, Any]] = {
        (row['method'], row['clip']): row for row in report['rows']
    }
    assert [rows['copy', clip]['objects'] for clip in ('all', 'one', 'two')] == [6, 2, 4]
    assert rows['copy', 'all']['recall'] == rows['copy', 'all']['precision'] == 1.0
    assert rows['telea', 'all']['recall'] == 0.0  # of a frame lost as a whole it makes nothing
    assert rows['telea', 'all']['precision'] is None
    assert rows['telea', 'all']['recall_gain'] == -1.0
    assert report['detector'] == str(tmp_path / 'net.onnx')
    with (out / 'report.csv').open(newline='') as file:
        assert {'objects', 'recall', 'recall_low', 'f1'} <= set(next(csv.reader(file)))
    page = (out / 'report.html').read_text()
    assert 'What a detector finds' in page
    assert 'found 1 of 1, 0 invented' in page
    assert 'found 0 of 2, 0 invented' in page
    assert 'recall' in capsys.readouterr().out


def test_tracks_that_damage_breaks(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The square lies in the part that is lost, and copies have it where it was."""
    options = ['--weights', 'none', '--frames', '4', '--masks', 'full', '--jobs', '1']
    options += ['--size', f'{SIDE}x{SIDE}', '--detector', str(write_detector(tmp_path / 'n.onnx'))]
    out = tmp_path / 'out'
    assert persistent_faults.main(['--data', str(data), '--out', str(out), *options]) == 0
    with (out / 'tracks.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert {(row['clip'], row['track']) for row in rows} == {
        ('one', '0'),
        ('two', '0'),
        ('two', '1'),
    }
    assert {(row['frames'], row['broken'], row['longest']) for row in rows} == {('4', '0', '0')}
    assert 'full: recurrent: 0 of 3 tracks broken, 0 of 12 frames' in capsys.readouterr().out


def test_a_track_is_broken_where_its_object_is_missed(tmp_path: Path) -> None:
    detector = ObjectDetector(write_detector(tmp_path / 'net.onnx'))
    frame = np.zeros((SIDE, SIDE, 3), np.uint8)
    frame[16:32, 16:32, 0] = 255
    mask = np.ones((SIDE, SIDE), bool)
    scores = TrackScores(detector, [frame] * 6)
    for index, restored in enumerate((0, 0, 1, 0, 1, 0)):
        scores.add('dark', index, frame * np.uint8(restored), mask)
    assert list(scores.rows()) == [('dark', {'track': 0, 'frames': 6, 'broken': 4, 'longest': 2})]


def test_a_file_that_is_no_detector_is_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'net.onnx').write_bytes(b'nothing')
    assert main(arguments(data, tmp_path / 'out', tmp_path / 'net.onnx')) == 2
    error = capsys.readouterr().err
    assert 'net.onnx' in error
    assert error.count('\n') == 1
    assert not (tmp_path / 'out').exists()
