# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The drive model in training: the composite learned through is that of the node."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed')

from siammcvae_core.alignment.composite import CANDIDATES, Prediction  # noqa: E402
from siammcvae_core.alignment.composite import composite as composite_numpy  # noqa: E402
from siammcvae_core.alignment.features import AlignmentFeatures  # noqa: E402
from siammcvae_core.alignment.program.composite import blend  # noqa: E402
from siammcvae_core.alignment.program.images import interpolate  # noqa: E402
from siammcvae_core.errors import WeightsError  # noqa: E402
from siammcvae_core.model.checkpoint import load_model  # noqa: E402
from siammcvae_core.model.drive import DriveMCVAE, PredictionTensors  # noqa: E402
from siammcvae_core.model.profiles import DriveProfile  # noqa: E402
from siammcvae_core.motion.references import ReferenceFrame, References  # noqa: E402
from siammcvae_core.train.drive import build, DriveSystem  # noqa: E402
from siammcvae_core.train.drive_losses import OPTIONAL_LOSSES  # noqa: E402
from siammcvae_core.train.loop import Training  # noqa: E402
from siammcvae_core.train.system import Batch  # noqa: E402

CELLS = (16, 24)
SMALL = {
    'width': 32, 'depth': 1, 'heads': 2, 'latent': 16, 'decoder_width': 32, 'decoder_depth': 1,
    'decoder_heads': 2, 'cells': 8, 'size': (64, 96),
}  # fmt: skip


def scene(count=4, seed=0):
    """Make a texture that moves two pixels a frame, half of its patches lost."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.random((count, 3, 16, 24), np.float32))
    wide = torch.nn.functional.interpolate(coarse, (72, 120), mode='bicubic').clamp(0, 1) * 255
    frames = torch.stack([wide[..., 4:68, 8 + 2 * k : 104 + 2 * k] for k in (2, 0, 5)], 1).byte()
    lost = torch.from_numpy(rng.random((count, 24)) < 0.5)
    lost[:, 0] = True
    seconds = torch.tensor([[0.15, 0.25]]).expand(count, -1)
    intact = torch.zeros(count, 2, 24, dtype=torch.bool)
    return Batch(frames[:, :2], frames[:, 2], lost, seconds, intact)


def test_the_composite_is_that_of_the_node():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (2, 64, 96, 3), np.uint8)
    offset = rng.normal(0, 2, (32, 48, 2)).astype(np.float32)
    correction = rng.normal(0, 1, (2, *CELLS)).astype(np.float32)
    weights = rng.random((len(CANDIDATES), *CELLS), np.float32)
    weights /= weights.sum(0)
    colour = rng.normal(0, 1, (3, *CELLS)).astype(np.float32)
    scale = np.zeros(CELLS, np.float32)
    references = References((ReferenceFrame(frames[0], 1.0), ReferenceFrame(frames[1], 0.9)))
    mask = np.ones((64, 96), bool)
    nothing, lost = np.zeros((1, *CELLS), np.float32), np.ones((4, 6), bool)
    features = AlignmentFeatures(offset, nothing, frames[0], lost, np.arange(24))
    expected = composite_numpy(
        references, features, Prediction(correction, weights, colour, scale), mask
    )

    bgr = torch.from_numpy(frames[:1]).permute(0, 3, 1, 2).float()
    planes = [torch.from_numpy(p)[None] for p in (correction, weights, colour, scale[None])]
    predict = PredictionTensors(*planes, torch.zeros(1), None)
    grown = torch.from_numpy(cv2.resize(offset, (96, 64))).permute(2, 0, 1)[None]
    corrected = grown + interpolate(predict.correction, (64, 96))
    restored = blend(bgr, corrected, predict)[0].permute(1, 2, 0).numpy()
    difference = np.abs(restored.clip(0, 255) - expected)
    assert difference.mean() < 0.6  # OpenCV warps in steps of 1/32 pixel, and rounds
    assert np.quantile(difference, 0.99) < 4


def test_losses_are_those_of_an_untrained_composite():
    batch, system = scene(), build('drive', SMALL).eval()
    losses, evaluation = system(batch, 1.0), system.evaluate(batch)
    visible = ~batch.lost.view(-1, 1, 4, 6).repeat_interleave(16, 2).repeat_interleave(16, 3)
    same = torch.where(visible, evaluation.restored == batch.target, True)
    assert same.all()
    error = (evaluation.restored.float() - batch.target.float()).square().mean(1, keepdim=True)
    mse = torch.where(visible, 0, error).sum((1, 2, 3)) / (~visible).sum((1, 2, 3))
    psnr = 10 * (255**2 / mse).log10().mean()
    assert losses['psnr'].item() == pytest.approx(psnr.item(), abs=0.2)
    assert set(losses) == {'loss', 'psnr', 'flow', 'scale', 'kl'}
    assert all(math.isfinite(value) for value in losses.values())


@pytest.mark.parametrize('seconds', [(0.1, 0.1), (0.0, 0.0)])
def test_frames_of_one_stamp_do_not_stop_a_run(seconds):
    batch = scene()._replace(seconds=torch.tensor([seconds]).expand(4, -1))
    losses = build('drive', SMALL)(batch, 1.0)
    assert all(value.isfinite() for value in losses.values())


def with_rollout(batch, damaged):
    """Put two frames between the references of `batch` and its target, their patches `damaged`."""
    between = torch.stack([batch.target, batch.references[:, 0]], 1)
    seconds = torch.tensor([[0.05, 0.1, 0.15, 0.25]]).expand(len(between), -1)
    return batch._replace(
        references=torch.cat([between, batch.references], 1), seconds=seconds, damaged=damaged
    )


def test_damaged_references_are_restored_first():
    system = build('drive', SMALL).eval()
    batch = scene()
    damaged = torch.zeros(4, 4, 24, dtype=torch.bool)
    damaged[1:3, :2] = batch.lost[1:3, None]
    whole = with_rollout(batch, damaged)
    ready = system._restore_references(whole)
    # Without damage the newest two serve; else the restored one and the newest intact one.
    assert torch.equal(ready.references[[0, 3], :2], whole.references[[0, 3], :2])
    assert torch.equal(ready.references[1:3, 1], batch.references[1:3, 0])
    assert torch.equal(ready.seconds[1:3, :2], torch.tensor([[0.05, 0.15]] * 2))
    lost = batch.lost.view(4, 1, 4, 6).repeat_interleave(16, 2).repeat_interleave(16, 3)
    visible = ~lost[1:3].expand(-1, 3, -1, -1)
    assert torch.equal(ready.references[1:3, 0][visible], batch.target[1:3][visible])
    assert not torch.equal(ready.references[1:3, 0], batch.target[1:3])
    # What is lost of them has no influence.
    hidden = whole.references.clone()
    for number in (1, 2):
        hidden[number, :2] = torch.where(lost[number], 99, hidden[number, :2])
    again = system._restore_references(whole._replace(references=hidden))
    difference = again.references.float() - ready.references.float()
    assert difference[1:3].abs().max() <= 1


def test_roll_outs_leave_every_weight_its_gradient():
    system = build('drive', SMALL).train()
    batch = scene()
    damaged = torch.zeros(4, 4, 24, dtype=torch.bool)
    damaged[:, :2] = batch.lost[:, None]
    gradients = []
    for samples in (batch, with_rollout(batch, damaged)):
        system.zero_grad()
        with torch.autocast('cpu', torch.bfloat16):
            system(samples, 1.0)['loss'].backward()
        gradients.append({n for n, p in system.named_parameters() if p.grad is not None})
    assert gradients[0] == gradients[1]
    assert system.network.training


def test_it_learns():
    torch.manual_seed(0)
    batch, system = scene(), build('drive', SMALL).train()
    optimiser = torch.optim.AdamW(system.parameters(), 3e-3)
    history = []
    for _ in range(25):
        losses = system(batch, 1.0)
        losses['loss'].backward()
        optimiser.step()
        optimiser.zero_grad()
        history.append(losses['psnr'].item())
    assert np.mean(history[-3:]) > history[0] + 0.5


@pytest.mark.parametrize('name', OPTIONAL_LOSSES)
def test_optional_losses_are_added_by_their_weight(name):
    batch = scene()
    torch.manual_seed(0)
    plain, more = build('drive', SMALL), build('drive', {**SMALL, name: 0.5})
    torch.nn.init.normal_(plain.network.answer.weight, std=0.1)
    more.network.load_state_dict(plain.network.state_dict())
    one, other = plain.eval()(batch, 1.0), more.eval()(batch, 1.0)
    assert other[name].item() > 0
    added = other['loss'] - one['loss']
    assert added.item() == pytest.approx(0.5 * other[name].item(), rel=1e-3)
    other[name].backward()
    assert more.network.answer.weight.grad.abs().max() > 0


def test_the_loop_trains_it_and_saves_its_weights(config):
    pytest.importorskip('accelerate', reason='accelerate is not installed')
    changes = {**SMALL, 'size': (32, 48)}
    run = config(system='drive', profile='drive', profile_changes=changes, steps=4)
    Training(run).run()
    saved = load_model(Path(run.out) / 'last.safetensors', DriveMCVAE, DriveProfile)
    assert saved.profile.size == (32, 48)
    fresh = build('drive', changes)
    assert isinstance(fresh, DriveSystem)
    fresh.load(Path(run.out) / 'last.safetensors')


def test_weights_load_at_another_crop_size_but_not_in_another_model(tmp_path):
    trained = build('drive', SMALL)
    trained.save(tmp_path / 'crops.safetensors')
    whole = build('drive', {**SMALL, 'size': (96, 160)})
    whole.load(tmp_path / 'crops.safetensors')
    assert whole.network.profile.size == (96, 160)
    torch.testing.assert_close(whole.state_dict(), trained.state_dict())
    with pytest.raises(WeightsError, match=r'crops\.safetensors'):
        build('drive', {**SMALL, 'smooth': False}).load(tmp_path / 'crops.safetensors')
