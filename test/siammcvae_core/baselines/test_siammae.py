# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SiamMAE: the switches of its ablations do what they say."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from siammcvae_core.baselines.augment import colour, crop, draw_lost
from siammcvae_core.baselines.siammae import PROFILES, SiamMAE, SiamMAEProfile
from siammcvae_core.errors import InputError

Build = Callable[..., SiamMAE]
Frames = Callable[..., Tensor]
CPU = torch.device('cpu')


def test_a_siamese_encoder_keeps_the_frames_apart_and_a_joint_one_does_not(
    build: Build, frames: Frames
) -> None:
    lost = torch.arange(6)[None] < 3
    for kind in ('siamese', 'joint'):
        model, seen = build('siammae', encoder=kind), []
        model.encoder.vit.register_forward_hook(lambda _, a, __, s=seen: s.append(a[0].shape[1]))
        model.predict(frames(1, 1, 3, 8, 12), frames(1, 3, 8, 12, seed=2), lost)
        assert seen == ([7, 4] if kind == 'siamese' else [11])


@pytest.mark.parametrize('decoder', ['cross', 'cross_self', 'joint'])
def test_the_reference_is_the_same_to_a_siamese_encoder_whatever_is_damaged(
    build: Build, frames: Frames, decoder: str
) -> None:
    seen: dict[str, list[Tensor]] = {'siamese': [], 'joint': []}
    for kind, memories in seen.items():
        model = build('siammae', encoder=kind, decoder=decoder)
        model.decoder.register_forward_hook(lambda _, a, __, m=memories: m.append(a[0]))
        for seed in (2, 3):
            damaged, lost = frames(1, 3, 8, 12, seed=seed), torch.arange(6)[None] < 3
            model.predict(frames(1, 1, 3, 8, 12), damaged, lost)
    assert torch.equal(*seen['siamese'])
    assert not torch.allclose(*seen['joint'])


@pytest.mark.parametrize('encoder', ['siamese', 'joint'])
def test_padding_of_a_symmetric_batch_changes_nothing(
    build: Build, frames: Frames, some_lost: Frames, encoder: str
) -> None:
    lost, reference_lost = some_lost(4, 6), some_lost(4, 6).flip(0)
    reference, damaged = frames(4, 3, 8, 12), frames(4, 3, 8, 12, seed=2)
    for decoder in ('cross', 'cross_self', 'joint'):
        model = build('siammae', encoder=encoder, decoder=decoder)
        with torch.no_grad():
            batch = model._predict(reference, reference_lost, damaged, lost)
            alone = [
                model._predict(reference[[i]], reference_lost[[i]], damaged[[i]], lost[[i]])
                for i in range(4)
            ]
        torch.testing.assert_close(batch, torch.cat(alone), rtol=0, atol=1e-5)


def masks_of(model: SiamMAE, batch: int = 12) -> list[Tensor | None]:
    """Train one step and tell what the reference and the target lost."""
    masks: list[Tensor | None] = []
    tokens = model.encoder.tokens

    def spy(patches: Tensor, place: Tensor, lost: Tensor | None = None) -> object:
        masks.append(lost)
        return tokens(patches, place, lost)

    model.encoder.tokens = spy
    frames = torch.randn(batch, 1, 3, 16, 24)
    given = torch.arange(24)[None].expand(batch, -1) < 7
    model.train().loss(frames, frames[:, 0], given)
    return masks


def test_masks_in_training_are_the_given_ones_or_the_profile_s(build: Build) -> None:
    reference, target = masks_of(build('siammae'))
    assert reference is None
    assert target.sum(1).eq(7).all()
    reference, target = masks_of(build('siammae', mask='random', ratio=0.75))
    assert reference is None
    assert target.sum(1).eq(18).all()
    assert target.unique(dim=0).shape[0] > 6


def test_symmetric_masks_are_of_one_kind_and_drawn_apart(build: Build) -> None:
    for changes, count in (({}, 7), ({'mask': 'random', 'ratio': 0.5}, 12)):
        reference, target = masks_of(build('siammae', symmetric=True, **changes))
        assert reference.sum(1).eq(count).all()
        assert target.sum(1).eq(count).all()
        assert not torch.equal(reference, target)


def test_grid_masks_are_lattices_at_any_shift() -> None:
    torch.manual_seed(0)
    half = draw_lost('grid', 0.5, 40, (4, 6), CPU).unflatten(1, (4, 6))
    rows, columns = torch.meshgrid(torch.arange(4), torch.arange(6), indexing='ij')
    black = (rows + columns) % 2 == 0
    assert {tuple(m.flatten().tolist()) for m in half} == {
        tuple(b.flatten().tolist()) for b in (black, ~black)
    }
    quarter = ~draw_lost('grid', 0.75, 40, (4, 6), CPU).unflatten(1, (4, 6))
    for kept in quarter:
        assert kept.unfold(0, 2, 2).unfold(1, 2, 2).sum((-1, -2)).eq(1).all()
    assert len({tuple(m.flatten().tolist()) for m in quarter}) == 4


def test_random_masks_lose_the_ratio() -> None:
    lost = draw_lost('random', 0.95, 50, (14, 14), CPU)
    assert lost.sum(1).eq(186).all()
    assert lost.float().mean(0).std() < 0.06


def ramps(batch: int, height: int = 24, width: int = 32) -> Tensor:
    """Pairs of equal frames (B, 2, 3, H, W): row, column and one constant, each in -1..1."""
    y, x = torch.meshgrid(
        (torch.arange(height) + 0.5) / height * 2 - 1,
        (torch.arange(width) + 0.5) / width * 2 - 1,
        indexing='ij',
    )
    return torch.stack([y, x, torch.full_like(x, 0.3)]).expand(batch, 2, -1, -1, -1)


def test_crops_are_parts_of_the_frame_alike_for_both_frames() -> None:
    torch.manual_seed(0)
    cut = crop(ramps(200))
    assert cut.shape == (200, 2, 3, 24, 32)
    assert torch.equal(cut[:, 0], cut[:, 1])
    torch.testing.assert_close(cut[:, :, 2], torch.full_like(cut[:, :, 2], 0.3))
    y, x = cut[:, 0, 0], cut[:, 0, 1]
    tall = (y[:, 12, 16] - y[:, 11, 16]) * 24 / 2  # in shares of the frame
    wide = (x[:, 12, 16] - x[:, 12, 15]) * 32 / 2
    assert (wide < 0).float().mean().item() == pytest.approx(0.5, abs=0.15)  # mirrored
    area, aspect = tall * wide.abs(), tall / wide.abs()
    assert area.min() > 0.49
    assert area.max() < 1.01
    assert area.std() > 0.1
    assert aspect.max() < 4 / 3 + 0.01
    assert aspect.min() > 3 / 4 - 0.01
    assert aspect.std() > 0.1
    # No border is repeated: along each axis the ramp keeps rising, except at the frame's own edge.
    assert y[:, 2:-2].diff(dim=1).min() > 0
    assert x[:, :, 2:-2].diff(dim=2).abs().min() > 0


def test_colours_change_alike_in_both_frames_and_stay_in_range(frames: Frames) -> None:
    torch.manual_seed(0)
    pair = frames(20, 1, 3, 8, 12).clamp(-1.5, 1.5).expand(-1, 2, -1, -1, -1)
    changed = colour(pair)
    assert torch.equal(changed[:, 0], changed[:, 1])
    assert (changed - pair).abs().mean((1, 2, 3, 4)).min() > 0.02
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    pixels = changed * std + mean
    assert pixels.min() > -1e-5
    assert pixels.max() < 1 + 1e-5
    # A grey frame stays grey.
    grey = (torch.full((5, 2, 3, 4, 4), 0.4) - mean) / std
    assert (colour(grey) * std + mean).std(2).max() < 1e-5


def test_augmentation_is_for_training_only(build: Build, frames: Frames) -> None:
    args = frames(2, 1, 3, 8, 12), frames(2, 3, 8, 12), torch.arange(12).reshape(2, 6) % 2 == 0
    for changes in ({'spatial': True}, {'colour': True}, {'mask': 'random', 'ratio': 0.5}):
        model = build('siammae', **changes)
        with torch.no_grad():
            assert model.loss(*args) == build('siammae').loss(*args)
            assert model.train().loss(*args) != model.loss(*args)


def test_the_published_profile() -> None:
    assert PROFILES['paper'] == SiamMAEProfile(
        'paper', 384, 12, 6, 256, 4, 8, norm_pix=True, encoder='siamese', decoder='cross_self',
        mask='random', ratio=0.95, symmetric=False, spatial=True, colour=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ('change', 'rule'),
    [
        ({'encoder': 'twin'}, 'encoder must be siamese or joint'),
        ({'decoder': 'self'}, 'decoder must be cross_self or cross or joint'),
        ({'mask': 'tube'}, 'mask must be given or random or grid'),
        ({'ratio': 0.0}, 'ratio must be in'),
    ],
)
def test_profiles_that_make_no_model_are_refused(build: Build, change: dict, rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        build('siammae', **change)
