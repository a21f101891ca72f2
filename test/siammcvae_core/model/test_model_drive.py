# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The drive model: initial prediction, what has influence, and that cost can follow damage."""

import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed')

from siammcvae_core.alignment.composite import CANDIDATES  # noqa: E402
from siammcvae_core.alignment.features import CHANNELS  # noqa: E402
from siammcvae_core.errors import InputError, WeightsError  # noqa: E402
from siammcvae_core.model.checkpoint import load_model, save_checkpoint  # noqa: E402
from siammcvae_core.model.drive import DriveMCVAE, near  # noqa: E402
from siammcvae_core.model.profiles import choose, DRIVE_PROFILES, DriveProfile  # noqa: E402

GRID = (4, 6)


def profile(**changes):
    return DriveProfile(
        'small', 32, 1, 2, latent=16, decoder_width=32, decoder_depth=2, decoder_heads=2, cells=8,
        size=(64, 96), **changes,
    )  # fmt: skip


def batch(count=2):
    torch.manual_seed(0)
    frames = torch.randn(2, count, 3, 64, 96)
    features = torch.randn(count, len(CHANNELS), 16, 24)
    source = torch.arange(24).expand(count, -1)
    lost = torch.rand(count, 24) < 0.4
    return [frames[0], frames[1], features, source, lost]


def trained(**changes):
    """Build a model whose prediction depends on all inputs."""
    torch.manual_seed(1)
    model = DriveMCVAE(profile(**changes)).eval()
    torch.nn.init.normal_(model.answer.weight, std=0.5)
    return model


def test_untrained_it_trusts_the_aligned_reference():
    prediction = DriveMCVAE(profile()).eval()(*batch())
    assert prediction.weights.shape == (2, len(CANDIDATES), 16, 24)
    assert not prediction.correction.any()
    assert not prediction.colour.any()
    assert (prediction.weights[:, 0] > 0.85).all()
    torch.testing.assert_close(prediction.weights.sum(1), torch.ones(2, 16, 24))
    assert (prediction.mean.shape, prediction.log_var.shape) == ((2, 24, 16), (2, 24, 16))


def test_lost_patches_have_no_influence():
    model, inputs = trained(), batch()
    before = model(*inputs)
    hidden = inputs[4].view(2, 1, *GRID).repeat_interleave(16, 2).repeat_interleave(16, 3)
    inputs[1] = torch.where(hidden, 1e3, inputs[1])
    after = model(*inputs)
    for name in ('correction', 'weights', 'colour', 'log_scale'):
        torch.testing.assert_close(getattr(before, name), getattr(after, name))


@pytest.mark.parametrize('changed', [0, 1, 2])
def test_both_frames_and_the_features_matter(changed):
    model, inputs = trained(), batch()
    before = model(*inputs).log_scale
    inputs[changed] = inputs[changed] + torch.randn_like(inputs[changed])
    assert (model(*inputs).log_scale - before).abs().max() > 1e-3


def test_patches_far_from_the_damage_take_no_part():
    model, inputs = trained(), batch()
    inputs[4] = torch.zeros(2, *GRID, dtype=torch.bool)
    inputs[4][:, :2, :2] = True
    inputs[4] = inputs[4].flatten(1)
    before = model(*inputs).log_scale
    inputs[1][..., 48:], inputs[2][..., -8:] = 9.0, 9.0  # columns 3 to 5, columns 4 and 5
    after = model(*inputs).log_scale
    torch.testing.assert_close(before[..., :8, :8], after[..., :8, :8])


def test_frames_that_lost_all_and_nothing_are_finite():
    model, inputs = trained(), batch()
    for lost in (torch.ones, torch.zeros):
        inputs[4] = lost(2, 24, dtype=torch.bool)
        if inputs[4].any():
            assert model(*inputs).log_scale.isfinite().all()


def test_the_latent_is_drawn_in_training_only():
    model, inputs = trained(), batch()
    torch.testing.assert_close(model(*inputs).log_scale, model(*inputs).log_scale)
    model.train()
    assert (model(*inputs).log_scale - model(*inputs).log_scale).abs().max() > 1e-4
    plain = trained(reparameterise=False).train()
    prediction = plain(*inputs)
    assert prediction.log_var is None
    torch.testing.assert_close(prediction.log_scale, plain(*inputs).log_scale)


def test_smoothed_candidates_can_be_ruled_out():
    weights = trained(smooth=False)(*batch()).weights
    used = {name for name, one in zip(CANDIDATES, weights.unbind(1), strict=True) if one.any()}
    assert used == {'warped', 'copy'}
    torch.testing.assert_close(weights.sum(1), torch.ones(2, 16, 24))


def test_correction_colour_and_pictures_can_be_left_out():
    prediction = trained(correction=False, colour=False)(*batch())
    assert not prediction.correction.any()
    assert not prediction.colour.any()
    model, inputs = trained(siamese=False), batch()
    before = model(*inputs).log_scale
    inputs[0], inputs[1] = torch.randn_like(inputs[0]), torch.randn_like(inputs[1])
    torch.testing.assert_close(before, model(*inputs).log_scale)


def test_near_reaches_one_patch_in_every_direction():
    lost = torch.zeros(1, *GRID, dtype=torch.bool)
    lost[0, 1, 2] = True
    expected = torch.zeros(1, *GRID, dtype=torch.bool)
    expected[0, :3, 1:4] = True
    assert torch.equal(near(lost.flatten(1), GRID), expected.flatten(1))


def test_weights_files_keep_the_profile(tmp_path):
    model = trained(beta=0.5)
    save_checkpoint(tmp_path / 'drive.safetensors', model)
    loaded = load_model(tmp_path / 'drive.safetensors', DriveMCVAE, DriveProfile)
    assert loaded.profile == model.profile
    inputs = batch()
    torch.testing.assert_close(loaded(*inputs).log_scale, model(*inputs).log_scale)
    with pytest.raises(WeightsError, match="holds profile 'small', expected 'drive'"):
        load_model(tmp_path / 'drive.safetensors', DriveMCVAE, DriveProfile, 'drive')


def test_profiles():
    assert set(DRIVE_PROFILES) == {'drive'}
    with pytest.raises(InputError, match='multiple'):
        choose(DRIVE_PROFILES, 'drive', {'heads': 7})
    with pytest.raises(InputError, match='beta'):
        choose(DRIVE_PROFILES, 'drive', {'beta': -1.0})
