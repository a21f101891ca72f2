# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The three tasks of imputation: who sees what, and what the command prints."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.threads import one_thread  # noqa: F401  (autouse)

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('torchdiffeq', reason='torchdiffeq is not installed')

import torch

from siammcvae_core.baselines.ode2_facvae import Ode2FacVAE
from siammcvae_core.baselines.ode2_profile import Ode2Profile
from siammcvae_core.data.clips import write_video
from siammcvae_core.errors import InputError
from siammcvae_core.evaluate import imputation
from siammcvae_core.evaluate.imputation_tasks import (
    KNOWN,
    patches_lost,
    predict,
    scores,
    TASKS,
    Window,
    windows,
)
from siammcvae_core.frames import Frame
from siammcvae_core.model.checkpoint import save_checkpoint

SMALL = Ode2Profile('x', factors=2, codes=2, width=4, depth=2, hidden=8, patch=8, size=(16, 24))
WHOLE = 96, 144
LOST = patches_lost(SMALL.size, SMALL.patch, 0)


@pytest.fixture
def network() -> Ode2FacVAE:
    torch.manual_seed(0)
    return Ode2FacVAE(SMALL).eval()


@pytest.fixture(scope='module')
def frames() -> list[Frame]:
    """Sixteen frames of a texture that moves 2 px to the left from each to the next, at 10 Hz."""
    cells = np.random.default_rng(0).integers(0, 256, (12, 40, 3), np.uint8)
    texture = cv2.resize(cells, (320, 96), interpolation=cv2.INTER_CUBIC)
    cut = [np.ascontiguousarray(texture[:, 2 * n : 2 * n + 144]) for n in range(16)]
    return [Frame(n, n * 10**8, image) for n, image in enumerate(cut)]


def test_windows_are_as_long_as_known_and_missing_frames(frames: list[Frame]) -> None:
    found = list(windows(frames, 3, 2))
    assert [window.missing for window in found] == [3, 3]
    assert [window.stamps[0] for window in found] == pytest.approx([0.0, 0.3])
    assert not list(windows(frames, 7, 2))  # they are too few


@pytest.mark.parametrize('task', TASKS)
def test_missing_frames_have_no_influence(
    network: Ode2FacVAE, frames: list[Frame], task: str
) -> None:
    window = next(windows(frames, 3, 1))
    found, truth, mask = predict(task, window, network, None, LOST)
    changed = [
        image if not KNOWN <= number < KNOWN + 3 else np.where(mask[..., None], 255 - image, image)
        for number, image in enumerate(window.frames)
    ]
    again, *_ = predict(task, Window(changed, window.stamps), network, None, LOST)
    assert len(found) > 4
    for name, frame in found.items():
        same = np.array_equal(frame, again[name])
        # Classical methods are defined where pixels are lost; the ceiling sees the truth.
        same |= frame.shape == truth.shape and np.array_equal(frame[mask], again[name][mask])
        assert same is not (name == 'ceiling') or task == 'imputation', name


def test_interpolation_sees_both_sides_and_extrapolation_one(
    network: Ode2FacVAE, frames: list[Frame]
) -> None:
    window = next(windows(frames, 3, 1))
    dark = [image if n < KNOWN + 3 else image // 2 for n, image in enumerate(window.frames)]
    for task, differs in (('extrapolation', False), ('interpolation', True)):
        one, two = (
            predict(task, Window(seen, window.stamps), network, None, LOST)[0]
            for seen in (window.frames, dark)
        )
        assert (not np.array_equal(one['ode2_facvae'], two['ode2_facvae'])) is differs


def test_flow_from_both_sides_follows_what_moves(network: Ode2FacVAE, frames: list[Frame]) -> None:
    window = next(windows(frames, 3, 1))
    scored = scores(*predict('interpolation', window, network, None, LOST), SMALL.size)
    assert scored['flow_both_ways'][0] > scored['linear_blend'][0] + 3
    scored = scores(*predict('extrapolation', window, network, None, LOST), SMALL.size)
    assert scored['const_velocity'][0] > scored['copy'][0] + 3


def test_a_task_there_is_not(network: Ode2FacVAE, frames: list[Frame]) -> None:
    with pytest.raises(InputError, match="no task 'guess'; there are extrapolation"):
        predict('guess', next(windows(frames, 3, 1)), network, None, LOST)


def test_the_command_prints_both_sizes(
    network: Ode2FacVAE, frames: list[Frame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'clips').mkdir()
    with write_video(tmp_path / 'clips' / 'a.mp4', 10) as append:
        for frame in frames:
            append(frame.image)
    save_checkpoint(tmp_path / 'best.safetensors', network)
    options = ['--data', str(tmp_path / 'clips'), '--weights', str(tmp_path), '--drive', 'none']
    out = tmp_path / 'scores.json'
    assert (
        imputation.main([*options, '--missing', '1,30', '--windows', '1', '--out', str(out)]) == 0
    )
    shown = capsys.readouterr().out
    assert '24 x 16 | 1 | 30 |' in shown
    assert '144 x 96 | 1 | 30 |' in shown
    line = next(row for row in shown.splitlines() if row.startswith('| extrapolation: copy |'))
    assert line.endswith(' – |')  # no clip is as long as that
    rows = json.loads(out.read_text())
    assert {row['task'] for row in rows} == set(TASKS)
    assert imputation.main([*options, '--missing', '30']) == 2
    assert 'no clip is as long as a window' in capsys.readouterr().err
    assert imputation.main([*options, '--missing', '0']) == 2
    assert imputation.main([*options[:2], '--weights', str(tmp_path / 'none')]) == 2
