# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The learned baselines under the training loop: each learns and leaves weights that serve."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('accelerate', reason='accelerate is not installed')

import torch

from siammcvae_core.baselines.catalogue import LEARNED_BASELINES
from siammcvae_core.baselines.learned import TrainedBaseline
from siammcvae_core.errors import WeightsError
from siammcvae_core.motion.references import ReferenceFrame, References
from siammcvae_core.train.catalogue import build_system, SYSTEMS
from siammcvae_core.train.loop import BEST, Training
from siammcvae_core.train.system import Batch

SMALL = {
    'patch': 8, 'size': (32, 48), 'width': 32, 'depth': 1, 'heads': 2, 'decoder_width': 16,
    'decoder_depth': 1, 'decoder_heads': 2,
}  # fmt: skip
systems = pytest.mark.parametrize('system', LEARNED_BASELINES)


def test_every_baseline_can_be_trained():
    assert set(SYSTEMS) >= {'siammcvae', *LEARNED_BASELINES}


@systems
def test_a_run_learns_and_saves_weights_that_restore(config, drives, tmp_path, system):
    changes = {'system': system, 'profile_changes': dict(SMALL), 'ema': 0.5}
    losses = []
    for lr in (0.0, 1e-2):
        run = config(steps=20, validate_every=20, lr=lr, out=str(tmp_path / str(lr)), **changes)
        Training(run).run()
        losses.append(json.loads((Path(run.out) / 'metrics.jsonl').read_text())['loss'])
    assert losses[1] < 0.95 * losses[0]
    baseline = TrainedBaseline(Path(run.out) / BEST)
    assert baseline.name == system
    video = cv2.VideoCapture(str(drives / 'speed1.mp4'))
    older, newer, frame = (video.read()[1] for _ in range(3))
    lost = np.zeros(frame.shape[:2], bool)
    lost[20:40, 30:60] = True
    references = References((ReferenceFrame(newer, 0.1), ReferenceFrame(older, 0.0)))
    assert baseline(references, frame, lost, 0.2).shape == frame.shape


@pytest.fixture
def batch() -> Batch:
    torch.manual_seed(1)
    frames = torch.randint(0, 256, (3, 3, 3, 32, 48), dtype=torch.uint8)
    intact = torch.zeros(3, 2, 24, dtype=torch.bool)
    return Batch(frames[:, :2], frames[:, 2], torch.rand(3, 24) < 0.5, torch.ones(3, 2), intact)


@systems
def test_visible_pixels_stay_in_validation(batch, system):
    torch.manual_seed(0)
    for norm_pix in (False, True):
        trained = build_system(system, 'tiny', {**SMALL, 'norm_pix': norm_pix}).eval()
        with torch.no_grad():
            evaluation = trained.evaluate(batch)
            assert evaluation.losses == trained(batch, 1.0)
        cells = batch.lost.reshape(3, 1, 4, 6).repeat_interleave(8, 2).repeat_interleave(8, 3)
        cells = cells.expand_as(batch.target)
        assert evaluation.restored.dtype == torch.uint8
        assert torch.equal(evaluation.restored[~cells], batch.target[~cells])
        assert not torch.equal(evaluation.restored[cells], batch.target[cells])
        assert evaluation.restored[cells].any() != norm_pix


@systems
def test_weights_are_saved_and_loaded(batch, tmp_path, system):
    one, other = (build_system(system, 'tiny', SMALL).eval() for _ in range(2))
    path = tmp_path / 'weights.safetensors'
    one.save(path)
    other.load(path)
    with torch.no_grad():
        assert torch.equal(one.evaluate(batch).restored, other.evaluate(batch).restored)
    wider = build_system(system, 'tiny', {**SMALL, 'width': 64})
    with pytest.raises(WeightsError, match=r'width=32.*expected.*width=64'):
        wider.load(path)
    another = build_system('mae' if system != 'mae' else 'siammae', 'tiny', SMALL)
    with pytest.raises(WeightsError, match=f"holds weights of '{system}'"):
        another.load(path)
