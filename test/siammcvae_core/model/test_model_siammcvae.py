# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SiamMCVAE: what may reach the network, what must leave it untouched, and that it learns."""

from collections.abc import Callable
import math

import pytest
import torch
from torch import Tensor

from siammcvae_core.errors import InputError
from siammcvae_core.model.losses import siammcvae_loss
from siammcvae_core.model.patches import patchify
from siammcvae_core.model.pixels import denormalise, normalise
from siammcvae_core.model.profiles import get_profile, Profile, PROFILES
from siammcvae_core.model.siammcvae import draw, SiamMCVAE

Build = Callable[..., SiamMCVAE]
Frames = Callable[..., Tensor]


def some_lost(batch: int, patches: int, seed: int = 3) -> Tensor:
    """Mask whose images lose different numbers of patches, none and all of them included."""
    generator = torch.Generator().manual_seed(seed)
    lost = torch.rand(batch, patches, generator=generator) < torch.linspace(0, 1, batch)[:, None]
    assert len(lost.sum(1).unique()) > 1
    return lost


def pixels_of(lost: Tensor, frame: Tensor, patch: int) -> Tensor:
    """Spread a mask of patches over their pixels, (B, 1, H, W)."""
    rows, columns = frame.shape[2] // patch, frame.shape[3] // patch
    cells = lost.reshape(-1, 1, rows, columns)
    return cells.repeat_interleave(patch, 2).repeat_interleave(patch, 3)


@pytest.mark.parametrize('poison', [0.0, 1e30, math.inf, math.nan])
def test_lost_pixels_never_reach_the_network(
    small: Profile, build: Build, frames: Frames, poison: float
) -> None:
    model, reference, damaged = build(small), frames(5, 16, 24), frames(5, 16, 24, seed=2)
    lost = some_lost(5, 24)
    changed = damaged.masked_fill(pixels_of(lost, damaged, 4), poison)
    with torch.no_grad():
        one, other = model(reference, damaged, lost), model(reference, changed, lost)
    assert torch.equal(one.patches, other.patches)
    assert torch.equal(one.mean, other.mean)


def test_visible_and_reference_pixels_do_reach_the_network(
    small: Profile, build: Build, frames: Frames
) -> None:
    model, reference, damaged = build(small), frames(1, 16, 16), frames(1, 16, 16, seed=2)
    lost = torch.arange(16)[None] % 2 == 1
    visible = ~pixels_of(lost, damaged, 4)
    with torch.no_grad():
        patches = model(reference, damaged, lost).patches
        other_visible = model(reference, torch.where(visible, damaged + 1, damaged), lost).patches
        other_reference = model(reference + 1, damaged, lost).patches
    assert not torch.allclose(patches[lost], other_visible[lost], atol=1e-3)
    assert not torch.allclose(patches[lost], other_reference[lost], atol=1e-3)


def test_visible_pixels_are_copied_to_the_bit(small: Profile, build: Build, frames: Frames) -> None:
    model, damaged, lost = build(small), frames(5, 16, 24, seed=2), some_lost(5, 24)
    with torch.no_grad():
        restored = model(frames(5, 16, 24), damaged, lost)
    kept = ~pixels_of(lost, damaged, 4).expand_as(damaged)
    assert torch.equal(restored.frame[kept], damaged[kept])
    assert not torch.isclose(restored.frame[~kept], damaged[~kept]).any(-1).all()


@pytest.mark.parametrize('kernel', ['adaptive', 'standard', 'flash'])
def test_a_batch_restores_each_image_as_alone(
    small: Profile, build: Build, frames: Frames, kernel: str
) -> None:
    model, reference, damaged = build(small, kernel), frames(6, 16, 24), frames(6, 16, 24, seed=2)
    lost = some_lost(6, 24)
    with torch.no_grad():
        batch = model(reference, damaged, lost).patches
        alone = [model(reference[[i]], damaged[[i]], lost[[i]]).patches for i in range(6)]
    torch.testing.assert_close(batch, torch.cat(alone), rtol=0, atol=1e-5)


def test_kernels_agree(small: Profile, build: Build, frames: Frames) -> None:
    args = frames(4, 16, 24), frames(4, 16, 24, seed=2), some_lost(4, 24)
    with torch.no_grad():
        standard = build(small, 'standard')(*args).patches
        for kernel in ('adaptive', 'flash'):
            other = build(small, kernel)(*args).patches
            torch.testing.assert_close(other, standard, rtol=0, atol=1e-5)


def test_lost_patches_differ_by_place_when_all_are_lost(
    small: Profile, build: Build, frames: Frames
) -> None:
    lost = torch.ones(1, 6, dtype=torch.bool)
    with torch.no_grad():
        patches = build(small)(torch.zeros(1, 3, 8, 12), frames(1, 8, 12), lost).patches[0]
    assert patches.isfinite().all()
    assert torch.pdist(patches).min() > 1e-3


@pytest.mark.parametrize('reparameterise', [True, False])
def test_gradients_reach_every_parameter(
    small: Profile, build: Build, frames: Frames, reparameterise: bool
) -> None:
    profile = get_profile('tiny', reparameterise=reparameterise)
    model = build(profile).train()
    damaged, lost = frames(3, 32, 48, seed=2), some_lost(3, 6)
    restored = model(frames(3, 32, 48), damaged, lost)
    siammcvae_loss(restored, patchify(damaged, profile.patch), lost, profile).total.backward()
    without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []
    assert ('to_log_var.weight' in dict(model.named_parameters())) is reparameterise


def test_gradient_flows_through_both_branches_of_the_siamese_encoder(
    small: Profile, build: Build, frames: Frames
) -> None:
    model = build(small)
    reference, damaged = frames(1, 8, 8).requires_grad_(), frames(1, 8, 8, seed=2).requires_grad_()
    lost = torch.tensor([[True, False, False, True]])
    restored = model(reference, damaged, lost)
    restored.patches[lost].square().sum().backward()
    assert patchify(reference.grad, 4).abs().sum(-1).gt(0).tolist() == [[True] * 4]
    assert patchify(damaged.grad, 4).abs().sum(-1).gt(0).tolist() == (~lost).tolist()


def test_noise_in_training_and_none_in_evaluation(
    small: Profile, build: Build, frames: Frames
) -> None:
    model, args = build(small), (frames(1, 8, 8), frames(1, 8, 8, seed=2), some_lost(2, 4)[1:])
    assert torch.equal(model(*args).patches, model(*args).patches)
    model.train()
    assert not torch.equal(model(*args).patches, model(*args).patches)
    plain = build(get_profile('tiny', reparameterise=False)).train()
    big = frames(1, 32, 32), frames(1, 32, 32, seed=2), some_lost(2, 4)[1:]
    assert torch.equal(plain(*big).patches, plain(*big).patches)
    assert plain(*big).log_var is None


def test_draws_follow_the_posterior() -> None:
    torch.manual_seed(0)
    mean, log_var = torch.tensor([1.0, -2.0]), torch.tensor([0.0, math.log(9.0)])
    z = draw(mean.expand(200_000, 2), log_var)
    torch.testing.assert_close(z.mean(0), mean, rtol=0, atol=0.03)
    torch.testing.assert_close(z.std(0), torch.tensor([1.0, 3.0]), rtol=0.01, atol=0)


def test_samples_vary_only_where_lost(small: Profile, build: Build, frames: Frames) -> None:
    model, damaged = build(small), frames(2, 8, 8, seed=2)
    lost = torch.tensor([[True, False, False, True], [False, True, True, True]])
    with torch.no_grad():
        u1 = model.encode_reference(frames(2, 8, 8))
        samples = model.sample(u1, damaged, lost, 5)
        assert samples.shape == (5, 2, 4, 48)
        spread = samples.std(0).amax(-1)  # (B, N)
        assert torch.equal(spread > 0, lost)
        # With next to no noise every sample is the restoration by the mean.
        model.to_log_var.bias.fill_(-100.0)
        expected = model.restore(u1, damaged, lost).patches
        near = model.sample(u1, damaged, lost, 3)
        torch.testing.assert_close(near, expected.expand(3, -1, -1, -1), rtol=0, atol=0.1)


def test_no_samples_without_reparameterisation(build: Build, frames: Frames) -> None:
    model = build(get_profile('tiny', reparameterise=False))
    frame = frames(1, 16, 16)
    with pytest.raises(InputError, match='posterior'):
        model.sample(model.encode_reference(frame), frame, torch.ones(1, 1, dtype=torch.bool), 2)


def test_an_encoded_reference_serves_as_the_reference(
    small: Profile, build: Build, frames: Frames
) -> None:
    model, reference, damaged = build(small), frames(2, 8, 12), frames(2, 8, 12, seed=2)
    lost = some_lost(2, 6)
    with torch.no_grad():
        once = model.restore(model.encode_reference(reference), damaged, lost).patches
        assert torch.equal(once, model(reference, damaged, lost).patches)


def test_a_reference_of_another_size_is_refused(
    small: Profile, build: Build, frames: Frames
) -> None:
    with pytest.raises(InputError, match='must match'):
        build(small)(frames(1, 8, 8), frames(1, 8, 12), torch.zeros(1, 6, dtype=torch.bool))


@pytest.mark.parametrize('name', PROFILES)
def test_profiles_run_at_a_size_that_is_not_square(build: Build, frames: Frames, name: str) -> None:
    model = build(PROFILES[name])
    with torch.no_grad():
        restored = model(frames(2, 48, 64), frames(2, 48, 64, seed=2), some_lost(2, 12))
    assert restored.frame.shape == (2, 3, 48, 64)
    assert restored.mean.shape == (2, 13, PROFILES[name].latent)
    assert restored.frame.isfinite().all()


def test_vit_b_encoder_is_vit_b() -> None:
    with torch.device('meta'):
        model = SiamMCVAE(PROFILES['vit_b'])
    encoder = model.encoder
    trunk = [p for n, p in encoder.named_parameters() if not n.startswith('project')]
    # ViT-B/16 has 86,567,656 with its classifier (769,000) and learned positions (197 * 768).
    assert sum(p.numel() for p in trunk) == 86_567_656 - 769_000 - 197 * 768


def test_two_frames_are_learned_by_heart() -> None:
    torch.manual_seed(0)
    profile = get_profile('tiny')
    model = SiamMCVAE(profile).train()
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(96.0), indexing='ij')

    def scene(shift: float) -> Tensor:
        moved = x + shift
        waves = [(moved / 5).sin() * (y / 7).cos(), (moved / 9 + y / 4).sin(), (moved / 3).cos()]
        return (torch.stack(waves)[None] * 100 + 128).round()

    reference, target = normalise(scene(0)), normalise(scene(4))
    lost = torch.rand(1, 24) < 0.75
    damaged = target.masked_fill(pixels_of(lost, target, profile.patch), 0)
    optimiser = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=200)
    for _ in range(200):
        restored = model(reference, damaged, lost)
        loss = siammcvae_loss(restored, patchify(target, profile.patch), lost, profile)
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
        schedule.step()

    with torch.no_grad():
        restored = model.eval()(reference, damaged, lost)
    predicted = patchify(denormalise(restored.frame).float(), profile.patch)[lost]
    error = (predicted - patchify(scene(4), profile.patch)[lost]).square().mean().item()
    assert 10 * math.log10(255**2 / error) > 35
