# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The comparison of dynamics on clips of known physics, as a command."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.threads import one_thread  # noqa: F401  (autouse)

pytest.importorskip('torchdiffeq', reason='torchdiffeq is not installed')

from siammcvae_core.baselines.ode2_facvae import Ode2FacVAE
from siammcvae_core.baselines.ode2_profile import Ode2Profile
from siammcvae_core.model.checkpoint import load_model
from siammcvae_core.train import physics


def test_it_trains_scores_and_does_not_repeat_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ['--out', str(tmp_path), '--rows', 'second,first', '--seeds', '0', '--steps', '3']
    assert physics.main(command) == 0
    shown = capsys.readouterr().out
    assert [line.split('|')[1].strip() for line in shown.splitlines()[2:4]] == [
        'psnr second', 'psnr first',
    ]  # fmt: skip
    path = tmp_path / 'second-3-0.json'
    strip = cv2.imread(str(path.with_suffix('.png')))
    assert strip.shape == (9 * 64 + 12, 15 * 64, 3)
    given, predicted, true = (strip[row * 64 : row * 64 + 64] for row in range(3))
    assert np.array_equal(given[:, :320], true[:, :320])  # five frames are seen
    assert np.array_equal(predicted[:, :320], true[:, :320])
    assert not given[:, 320:].any()
    network = load_model(path.with_suffix('.safetensors'), Ode2FacVAE, Ode2Profile, 'physics')
    assert physics.score(network) == json.loads(path.read_text())
    scores = json.loads(path.read_text())
    assert set(scores) == {'psnr', 'position', 'psnr_ceiling', 'position_ceiling'}
    assert all(len(values) == 10 for values in scores.values())
    path.write_text(json.dumps({**scores, 'psnr': [99.0] * 10}))
    assert physics.main(command) == 0
    assert '99.00' in capsys.readouterr().out


def test_more_training_foresees_better() -> None:
    before, after = (physics.score(physics.train('second', 0, steps)) for steps in (1, 40))
    assert after['psnr'][0] > before['psnr'][0] + 3


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--rows', 'third'], "--rows: no 'third'"),
        (['--seeds', 'x'], '--seeds: expected whole numbers'),
        (['--steps', '0'], '--steps must be 1 or more'),
    ],
)
def test_options_that_cannot_be_used(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert physics.main(options) == 2
    assert message in capsys.readouterr().err
