# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Restoring with the masks of the detector instead of the exact ones, scored on clips."""

import csv
from pathlib import Path

import numpy as np
import pytest

from siammcvae_core.data.clips import write_video
from siammcvae_core.evaluate.detector_ablation import main
from siammcvae_core.simulation.drive import DriveSim

COUNT = 25
SMALL = ['--size', '320x192', '--weights', 'none', '--frames', '24', '--skip', '1']


@pytest.fixture(scope='module')
def drives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('drives')
    sim, rng = DriveSim(size=(320, 192), frames=COUNT), np.random.default_rng(0)
    with write_video(folder / 'drive.mp4', 10) as append:
        for index in range(COUNT):
            noise = rng.integers(-3, 4, (192, 320, 3))  # a camera's, or standing scenes are frozen
            append(np.clip(sim.render(index) + noise, 0, 255).astype(np.uint8))
    with write_video(folder / 'short.mp4', 10) as append:
        append(sim.render(0))
    return folder


def scored(drives, out, *options):
    return main(['--data', str(drives), '--out', str(out), *SMALL, *options])


def test_detected_masks_restore_nearly_as_well_as_exact_ones(drives, tmp_path, capsys):
    assert scored(drives, tmp_path, '--faults', 'band:0.25,random:0.5', '--burst', '4') == 0
    with (tmp_path / 'detected.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert {row['clip'] for row in rows} == {'drive.mp4'}
    assert {row['fault'] for row in rows} == {'band:0.25', 'random:0.5'}
    exact, detected = (
        [float(row['psnr_lost']) for row in rows if row['way'] == way] for way in ('told', 'found')
    )
    assert len(exact) == len(detected) > 4
    assert min(exact) > 15
    assert np.mean(detected) > np.mean(exact) - 1
    assert detected != exact
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == (
        f'| **all** | **{_mean(rows, "told"):.2f}** | **{_mean(rows, "found"):.2f}** | '
        f'**{_mean(rows, "found") - _mean(rows, "told"):+.2f}** |'
    )
    assert 'left out: short.mp4' in printed.err


def _mean(rows, way):
    faults = {row['fault'] for row in rows}
    return np.mean([
        np.mean([float(r['psnr_lost']) for r in rows if (r['fault'], r['way']) == (fault, way)])
        for fault in faults
    ])  # fmt: skip


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--frames', '0'], '--frames must be 1 or more'),
        (['--faults', 'hail:0.5'], 'hail'),
        (['--probability', '2'], 'fault probability must be in [0, 1], got 2'),
        (['--probability', '0'], 'none of 2 clips can be used'),
    ],
)
def test_what_cannot_be_used_is_one_line(drives, tmp_path, capsys, options, message):
    assert scored(drives, tmp_path, *options) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
