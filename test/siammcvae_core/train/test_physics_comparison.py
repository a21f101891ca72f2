# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The comparison of dynamics on clips of known physics, as a command."""

import json
from pathlib import Path

import pytest
from support.threads import one_thread  # noqa: F401  (autouse)

pytest.importorskip('torchdiffeq', reason='torchdiffeq is not installed')

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
