# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Faults that last many frames, scored on clips."""

import csv
from pathlib import Path

import cv2
import pytest

from siammcvae_core.data.clips import write_video
from siammcvae_core.evaluate.persistent_faults import main
from siammcvae_core.simulation.drive import DriveSim

SMALL = ['--size', '160x96', '--weights', 'none', '--frames', '6']


@pytest.fixture(scope='module')
def drives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('drives')
    for name, count in (('long', 12), ('short', 4)):
        sim = DriveSim(size=(160, 96), frames=count)
        with write_video(folder / f'{name}.mp4', 10) as append:
            for index in range(count):
                append(sim.render(index))
    return folder


def scored(drives, out, *options):
    assert main(['--data', str(drives), '--out', str(out), *SMALL, *options]) == 0
    with (out / 'endure.csv').open() as file:
        return list(csv.DictReader(file))


def test_every_frame_of_a_clip_is_scored_both_ways(drives, tmp_path, capsys):
    rows = scored(drives, tmp_path, '--masks', 'block:0.2,dirt:0.2')
    printed = capsys.readouterr()
    assert 'short.mp4: has 4 distinct frames, 8 are needed' in printed.err
    assert {row['clip'] for row in rows} == {'long.mp4'}
    assert len(rows) == 2 * 2 * 6
    first = {(row['mask'], row['psnr_lost']) for row in rows if row['frame'] == '1'}
    assert len(first) == 2  # nothing was restored before the first: both ways are one
    later = [row['psnr_lost'] for row in rows if row['frame'] == '6']
    assert len(set(later)) == 4
    assert printed.out.count('dB, from intact frames only') == 2
    assert cv2.imread(str(tmp_path / 'endure.png')) is not None


def test_masks_stay_unless_they_change(drives, tmp_path):
    constant = scored(drives, tmp_path, '--masks', 'random:0.5')
    again = scored(drives, tmp_path, '--masks', 'random:0.5')
    changing = scored(drives, tmp_path, '--masks', 'random:0.5', '--wander')
    assert constant == again
    assert constant[0] != changing[0]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--frames', '0'], '--frames must be 1 or more'),
        (['--jobs', '-1'], '--jobs must be 0 (one per core) or more, got -1'),
        (['--masks', 'hail:0.5'], 'hail'),
        (['--weights', 'absent.safetensors'], 'absent.safetensors: no such weights file'),
        (['--frames', '50'], 'none of 2 clips can be used'),
    ],
)
def test_what_cannot_be_used_is_one_line(drives, tmp_path, capsys, options, message):
    assert main(['--data', str(drives), '--out', str(tmp_path), *SMALL, *options]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
