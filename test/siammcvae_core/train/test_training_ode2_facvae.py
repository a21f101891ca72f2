# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ode2-FacVAE under the training loop: it learns, resumes, and leaves weights that restore."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip('accelerate', reason='accelerate is not installed')
pytest.importorskip('torchdiffeq', reason='torchdiffeq is not installed')

from safetensors.torch import load_file
import torch

from siammcvae_core.baselines.imputer import SequenceImputer
from siammcvae_core.baselines.ode2_facvae import Ode2FacVAE
from siammcvae_core.baselines.ode2_profile import Ode2Profile
from siammcvae_core.errors import InputError, WeightsError
from siammcvae_core.model.profiles import choose
from siammcvae_core.motion.references import ReferenceFrame, References
from siammcvae_core.train.loop import BEST, LAST, Training
from siammcvae_core.train.ode2_facvae import draw_tasks, Ode2System
from siammcvae_core.train.system import Batch

SMALL = {
    'factors': 2, 'codes': 2, 'width': 4, 'depth': 2, 'hidden': 8, 'patch': 8, 'size': (32, 48),
}  # fmt: skip
RUN = {'system': 'ode2_facvae', 'profile': 'tiny', 'profile_changes': dict(SMALL), 'ema': 0.5}
DATA = {'rollouts': 1.0, 'gap': (5, 8)}


def test_it_learns_and_its_weights_restore(config, drives, tmp_path):
    losses = []
    for lr in (0.0, 1e-2):
        out = tmp_path / str(lr)
        Training(config(DATA, steps=30, validate_every=30, lr=lr, out=str(out), **RUN)).run()
        losses.append(json.loads((out / 'metrics.jsonl').read_text())['reconstruction'])
    assert losses[1] < losses[0] - 0.01  # the textures are noise, only colour can be learned
    video = cv2.VideoCapture(str(drives / 'speed1.mp4'))
    older, newer, frame = (video.read()[1] for _ in range(3))
    lost = np.zeros(frame.shape[:2], bool)
    lost[20:40, 30:60] = True
    imputer = SequenceImputer(out / BEST)
    references = References((ReferenceFrame(newer, 0.1), ReferenceFrame(older, 0.0)))
    restored = imputer.restore(references, frame, lost, 0.2)
    assert restored.frame.shape == frame.shape
    assert restored.frame.dtype == np.uint8
    assert restored.expected_error().shape == lost.shape
    assert 0 < restored.expected_error().mean() < 255
    other = frame.copy()
    other[lost] = 255
    assert np.array_equal(imputer.restore(references, other, lost, 0.2).frame, restored.frame)
    grey = References((ReferenceFrame(newer[..., 0].copy(), 0.1),))
    assert imputer.restore(grey, frame[..., 0].copy(), lost, 0.2).frame.shape == lost.shape
    with pytest.raises(InputError, match='nothing of clip 0 is seen'):
        imputer.restore(References(), frame, np.ones_like(lost), 0.2)


def test_an_interrupted_run_ends_with_the_same_weights(config, tmp_path):
    def run(name: str, **changes: Any) -> Path:
        Training(config(DATA, out=str(tmp_path / name), **RUN, **changes)).run()
        return tmp_path / name / LAST

    whole = run('whole', steps=8)

    class Interrupted(Training):
        def _after(self, done, losses, report):
            super()._after(done, losses, report)
            if done == 4:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Interrupted(config(DATA, out=str(tmp_path / 'part'), **RUN, steps=8)).run()
    one, other = (load_file(path) for path in (run('part', steps=8), whole))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def batch() -> Batch:
    torch.manual_seed(1)
    frames = torch.randint(0, 256, (6, 8, 3, 32, 48), dtype=torch.uint8)
    seconds = torch.tensor([0.1, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9]).expand(6, -1)
    intact = torch.zeros(6, 7, 24, dtype=torch.bool)
    return Batch(frames[:, :7], frames[:, 7], torch.rand(6, 24) < 0.5, seconds, intact)


OPTIONS = [
    {}, {'context': False}, {'dynamics': 'first'}, {'dynamics': 'linear'}, {'prior': 'seed'},
    {'prior': 'white_noise'}, {'prior': 'stationary'}, {'bayesian': True}, {'adjoint': True},
    {'independence': 'dip'}, {'prior': 'stationary', 'dynamics': 'first'},
]  # fmt: skip


@pytest.mark.parametrize('options', OPTIONS, ids=str)
def test_every_option_has_a_loss_whose_gradient_is_finite(options):
    system = system_of(**options).train()
    losses = system(batch(), 1.0)
    losses['loss'].backward()
    gradients = [p.grad for p in system.parameters() if p.grad is not None]
    assert all(g.isfinite().all() for g in gradients)
    assert sum(bool(g.abs().max() > 0) for g in gradients) > 10
    assert losses['loss'] > losses['reconstruction']


def test_the_printed_bound_is_reconstruction_and_priors_per_number():
    system = system_of(total_correlation=3.0).eval()
    torch.manual_seed(0)
    losses = system(batch(), 0.5)
    numbers = 8 * 3 * 32 * 48
    priors = losses['kl'] + losses['transition'] + losses['weights'] + 3 * losses['tc']
    torch.testing.assert_close(losses['loss'], losses['reconstruction'] + 0.5 * priors / numbers)


def test_visible_pixels_stay_in_validation(tmp_path):
    system, samples = system_of().eval(), batch()
    evaluation = system.evaluate(samples)
    cells = samples.lost.reshape(6, 1, 4, 6).repeat_interleave(8, 2).repeat_interleave(8, 3)
    cells = cells.expand_as(samples.target)
    assert torch.equal(evaluation.restored[~cells], samples.target[~cells])
    assert not torch.equal(evaluation.restored[cells], samples.target[cells])
    system.save(tmp_path / 'weights.safetensors')
    other = system_of().eval()
    other.load(tmp_path / 'weights.safetensors')
    assert torch.equal(other.evaluate(samples).restored, evaluation.restored)
    with pytest.raises(WeightsError, match=r'context=True.*expected.*context=False'):
        system_of(context=False).load(tmp_path / 'weights.safetensors')


def test_all_three_tasks_are_drawn_and_something_is_always_seen():
    torch.manual_seed(0)
    lost = torch.ones(300, 6, dtype=torch.bool)
    seen = draw_tasks(lost, 8).any(-1)  # (300, 8)
    assert seen.any(1).all()
    ahead = seen[:, 0] & ~seen[:, -1] & ~seen[:, 5:].any(1)
    between = seen[:, 0] & seen[:, -1] & ~seen[:, 3:5].any(1)
    assert ahead.sum() > 50
    assert between.sum() > 50
    assert (seen[:, 3:5].any(1) & seen[:, 5:].any(1)).sum() > 50
    assert draw_tasks(~lost, 8).any(-1).sum(1).eq(8).sum() > 50


def system_of(**changes: Any) -> Ode2System:
    torch.manual_seed(0)
    profile = choose({'x': Ode2Profile('x')}, 'x', {**SMALL, **changes})
    system = Ode2System(Ode2FacVAE(profile))
    torch.nn.init.normal_(system.network.dynamics.last)
    return system
