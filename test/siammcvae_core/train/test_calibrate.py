# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Calibrated weights: intervals have their nominal coverage, and nothing else changes."""

from pathlib import Path

import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed')

from siammcvae_core.data.clips import write_video  # noqa: E402
from siammcvae_core.data.layouts import find_clips  # noqa: E402
from siammcvae_core.model.checkpoint import load_model, save_checkpoint  # noqa: E402
from siammcvae_core.model.drive import DriveMCVAE  # noqa: E402
from siammcvae_core.model.profiles import DriveProfile  # noqa: E402
from siammcvae_core.simulation.drive import DriveSim  # noqa: E402
from siammcvae_core.train.calibrate import main, restored_pixels  # noqa: E402


@pytest.fixture(scope='module')
def drives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('drives')
    sim = DriveSim(size=(160, 96), frames=12)
    with write_video(folder / 'sim.mp4', 10) as append:
        for index in range(12):
            append(sim.render(index))
    return folder


@pytest.fixture(scope='module')
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('weights') / 'small.safetensors'
    torch.manual_seed(0)
    profile = DriveProfile(
        'small', 32, 1, 2, 16, decoder_width=32, decoder_depth=1, decoder_heads=2, cells=8,
        size=(64, 96),
    )  # fmt: skip
    save_checkpoint(path, DriveMCVAE(profile))
    return path


def test_calibrated_intervals_have_their_nominal_coverage(
    drives, weights, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr('siammcvae_core.train.calibrate.SIZE', (96, 160))  # it is quicker
    out = tmp_path / 'ready.safetensors'
    assert main([str(weights), str(out), '--data', str(drives), '--samples', '1']) == 0
    assert 'scaled by' in capsys.readouterr().out
    pixels = restored_pixels(out, find_clips([str(drives)], 'train'), 1)
    assert pixels.coverage(1) == pytest.approx(0.8, abs=0.02)
    before, after = (load_model(path, DriveMCVAE, DriveProfile) for path in (weights, out))
    assert out.stat().st_size < 0.6 * weights.stat().st_size
    changed = after.answer.bias - before.answer.bias
    assert changed[:-1].abs().max() < 2e-3
    assert abs(changed[-1]) > 0.01


def test_unusable_clips_are_one_line(weights, tmp_path, capsys):
    (tmp_path / 'broken.mp4').write_bytes(b'no video')
    assert main([str(weights), str(tmp_path / 'out'), '--data', str(tmp_path)]) == 2
    assert 'clips can be used' in capsys.readouterr().err
