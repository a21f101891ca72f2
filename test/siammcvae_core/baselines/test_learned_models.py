# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""All learned baselines: what may reach the network, what must not change, and that it learns."""

from collections.abc import Callable
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from siammcvae_core.baselines.baseline import LearnedBaseline
from siammcvae_core.baselines.catalogue import build_baseline, LEARNED_BASELINES, load_baseline
from siammcvae_core.errors import InputError, WeightsError
from siammcvae_core.model.checkpoint import load_checkpoint, save_checkpoint
from siammcvae_core.model.patches import patchify
from siammcvae_core.model.profiles import get_profile
from siammcvae_core.model.siammcvae import SiamMCVAE

Build = Callable[..., LearnedBaseline]
Make = Callable[..., Tensor]

VARIANTS = [
    ('mae', {}),
    ('mae_st', {}),
    ('mae_st', {'references': 1}),
    ('videomae', {}),
    ('videomae', {'references': 3}),
    *(
        ('siammae', {'encoder': encoder, 'decoder': decoder})
        for encoder in ('siamese', 'joint')
        for decoder in ('cross_self', 'cross', 'joint')
    ),
]
variants = pytest.mark.parametrize(('system', 'changes'), VARIANTS)
systems = pytest.mark.parametrize('system', LEARNED_BASELINES)


@variants
@pytest.mark.parametrize('poison', [1e30, math.nan])
def test_lost_pixels_never_reach_the_network(
    build: Build, frames: Make, some_lost: Make, pixels_of: Make, system: str, changes: dict,
    poison: float,
) -> None:  # fmt: skip
    baseline, damaged, lost = build(system, **changes), frames(5, 3, 16, 24), some_lost(5, 24)
    references = frames(5, baseline.references, 3, 16, 24, seed=2)
    changed = damaged.masked_fill(pixels_of(lost, damaged), poison)
    with torch.no_grad():
        one, other = (baseline.restore(references, frame, lost) for frame in (damaged, changed))
        predicted = baseline.predict(references, changed, lost)
    assert torch.equal(one, other)
    assert torch.equal(baseline.predict(references, damaged, lost), predicted)


@variants
def test_kept_pixels_are_pasted_to_the_bit(
    build: Build, frames: Make, some_lost: Make, pixels_of: Make, system: str, changes: dict
) -> None:
    baseline, damaged, lost = build(system, **changes), frames(5, 3, 16, 24), some_lost(5, 24)
    with torch.no_grad():
        restored = baseline.restore(
            frames(5, baseline.references, 3, 16, 24, seed=2), damaged, lost
        )
    kept = ~pixels_of(lost, damaged).expand_as(damaged)
    assert torch.equal(restored[kept], damaged[kept])
    assert not torch.isclose(restored[~kept], damaged[~kept]).all()


@variants
def test_every_kept_frame_reaches_the_network_also_where_the_damaged_one_is_lost(
    build: Build, frames: Make, pixels_of: Make, system: str, changes: dict
) -> None:
    baseline, damaged = build(system, **changes), frames(1, 3, 16, 16)
    lost = torch.arange(16)[None] % 2 == 1
    references = frames(1, baseline.references, 3, 16, 16, seed=2)
    with torch.no_grad():
        predicted = baseline.predict(references, damaged, lost)[lost]
        for i in range(baseline.references):
            other = references.clone()
            other[:, i] += 1.0 * pixels_of(lost, damaged)
            assert not torch.allclose(
                baseline.predict(other, damaged, lost)[lost], predicted, atol=1e-4
            )


@variants
def test_visible_pixels_reach_the_network_where_the_design_lets_them(
    build: Build, frames: Make, pixels_of: Make, system: str, changes: dict
) -> None:
    baseline, damaged = build(system, **changes), frames(1, 3, 16, 16)
    lost = torch.arange(16)[None] % 2 == 1
    references = frames(1, baseline.references, 3, 16, 16, seed=2)
    other = damaged + 1.0 * ~pixels_of(lost, damaged)
    with torch.no_grad():
        one, two = (baseline.predict(references, frame, lost)[lost] for frame in (damaged, other))
    # Without self-attention a lost token of a siamese network sees nothing but the reference.
    blind = changes == {'encoder': 'siamese', 'decoder': 'cross'}
    assert torch.equal(one, two) is blind
    assert torch.allclose(one, two, atol=1e-3) is blind


@variants
def test_a_batch_restores_each_image_as_alone(
    build: Build, frames: Make, some_lost: Make, system: str, changes: dict
) -> None:
    baseline, damaged, lost = build(system, **changes), frames(6, 3, 16, 24), some_lost(6, 24)
    references = frames(6, baseline.references, 3, 16, 24, seed=2)
    with torch.no_grad():
        batch = baseline.restore(references, damaged, lost)
        alone = [baseline.restore(references[[i]], damaged[[i]], lost[[i]]) for i in range(6)]
    torch.testing.assert_close(batch, torch.cat(alone), rtol=0, atol=1e-5)


@variants
def test_lost_patches_differ_by_place_when_all_are_lost(
    build: Build, frames: Make, system: str, changes: dict
) -> None:
    baseline, lost = build(system, **changes), torch.ones(1, 6, dtype=torch.bool)
    with torch.no_grad():
        flat = torch.zeros(1, baseline.references, 3, 8, 12)
        patches = baseline.predict(flat, frames(1, 3, 8, 12), lost)[0]
    assert patches.isfinite().all()
    assert torch.pdist(patches).min() > 1e-3


@variants
def test_gradients_reach_every_parameter(
    build: Build, frames: Make, some_lost: Make, system: str, changes: dict
) -> None:
    baseline = build(system, **changes).train()
    references = frames(6, baseline.references, 3, 16, 24, seed=2)
    baseline.loss(references, frames(6, 3, 16, 24), some_lost(6, 24))['loss'].backward()
    without = [n for n, p in baseline.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


@variants
def test_the_loss_in_evaluation_is_the_squared_error_of_the_lost_patches(
    build: Build, frames: Make, some_lost: Make, system: str, changes: dict
) -> None:
    baseline, target, lost = build(system, **changes), frames(5, 3, 16, 24), some_lost(5, 24)
    references = frames(5, baseline.references, 3, 16, 24, seed=2)
    with torch.no_grad():
        loss = baseline.loss(references, target, lost)['loss']
        error = (patchify(baseline.restore(references, target, lost) - target, 4)).square()
    by_image = [error[i, lost[i]].mean() if lost[i].any() else torch.zeros(()) for i in range(5)]
    torch.testing.assert_close(loss, torch.stack(by_image).mean())


@systems
def test_normalised_targets_are_for_features_only(build: Build, frames: Make, system: str) -> None:
    baseline, plain = build(system, norm_pix=True), build(system)
    references, target = frames(1, baseline.references, 3, 8, 8, seed=2), frames(1, 3, 8, 8)
    lost = torch.tensor([[True, True, False, True]])
    with torch.no_grad():
        # Gain and offset of a patch do not change what is to be predicted of it.
        changed = target * 3 + 5
        visible = patchify(target, 4)[0, 2]
        changed[..., 4:, :4] = target[..., 4:, :4]
        assert torch.equal(patchify(changed, 4)[0, 2], visible)
        one, other = (baseline.loss(references, t, lost)['loss'] for t in (target, changed))
        assert torch.isclose(one, other, rtol=1e-4)
        one, other = (plain.loss(references, t, lost)['loss'] for t in (target, changed))
        assert not torch.isclose(one, other, rtol=1e-1)
    with pytest.raises(InputError, match='cannot restore'):
        baseline.restore(references, target, lost)


@systems
def test_features_tell_about_their_own_frame_and_place(
    build: Build, frames: Make, system: str
) -> None:
    baseline = build(system)
    with torch.no_grad():
        features = baseline.features(frames(2, 3, 8, 12))
        alone = baseline.features(frames(2, 3, 8, 12)[1:])
    assert features.shape == (2, 6, 32)
    torch.testing.assert_close(features[1:], alone)
    assert torch.pdist(features.flatten(0, 1)).min() > 1e-2


@systems
def test_frames_that_do_not_fit_are_refused(build: Build, frames: Make, system: str) -> None:
    baseline, lost = build(system), torch.zeros(1, 4, dtype=torch.bool)
    count = baseline.references
    with pytest.raises(InputError, match='references must be'):
        baseline.restore(frames(1, count + 1, 3, 8, 8), frames(1, 3, 8, 8), lost)
    with pytest.raises(InputError, match='references must be'):
        baseline.loss(frames(1, count, 3, 8, 12), frames(1, 3, 8, 8), lost)
    with pytest.raises(InputError, match='lost patches must be'):
        baseline.restore(frames(1, count, 3, 8, 8), frames(1, 3, 8, 8), lost[:, :3])
    with pytest.raises(InputError, match='multiples of 4'):
        baseline.restore(frames(1, count, 3, 8, 9), frames(1, 3, 8, 9), lost)


@systems
def test_weights_come_back_whole(
    tmp_path: Path, build: Build, frames: Make, some_lost: Make, system: str
) -> None:
    baseline, path = build(system), tmp_path / 'w.safetensors'
    save_checkpoint(path, baseline)
    loaded = load_baseline(path, system)
    assert type(loaded) is type(baseline)
    assert loaded.profile == baseline.profile
    assert not loaded.training
    args = frames(2, baseline.references, 3, 8, 12), frames(2, 3, 8, 12, seed=2), some_lost(2, 6)
    with torch.no_grad():
        assert torch.equal(loaded.restore(*args), baseline.restore(*args))


@systems
def test_weights_of_another_system_are_refused_by_name(
    tmp_path: Path, build: Build, system: str
) -> None:
    path = tmp_path / 'w.safetensors'
    save_checkpoint(path, build(system))
    other = 'videomae' if system == 'mae' else 'mae'
    with pytest.raises(WeightsError, match=f"^{path}: holds weights of '{system}', .*'{other}'$"):
        load_baseline(path, other)
    with pytest.raises(WeightsError, match=f"^{path}: holds weights of '{system}', .*'siammcvae'$"):
        load_checkpoint(path)
    torch.manual_seed(0)
    save_checkpoint(path, SiamMCVAE(get_profile('tiny')))
    with pytest.raises(WeightsError, match=f"^{path}: holds weights of 'siammcvae', .*mae_st"):
        load_baseline(path)


def test_what_there_is_not_is_named_with_what_there_is() -> None:
    with pytest.raises(InputError, match=r"no baseline 'simmae'.*did you mean 'siammae'"):
        build_baseline('simmae', 'tiny', {})
    with pytest.raises(
        InputError, match=r"no profile 'vit_x'; there are tiny, vit_s, vit_b, vit_l"
    ):
        build_baseline('mae', 'vit_x', {})
    with pytest.raises(InputError, match=r'has no tubes; it has .*clip_share'):
        build_baseline('videomae', 'tiny', {'tubes': 1})


@systems
def test_a_moving_scene_is_learned_by_heart(build: Build, system: str) -> None:
    wide = {'width': 64, 'decoder_width': 64, 'depth': 1}
    baseline = build(system, patch=8, **wide).train()
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(48.0), indexing='ij')

    def scene(shift: int) -> Tensor:
        moved = x + shift
        return torch.stack([(moved / 5).sin() * (y / 7).cos(), (moved / 9 + y / 4).sin(), y / 32])

    references = torch.stack([scene(8), scene(4)])[None, : baseline.references]
    target, lost = scene(12)[None], torch.rand(1, 24) < 0.6
    optimiser = torch.optim.AdamW(baseline.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=250)
    for _ in range(250):
        optimiser.zero_grad()
        baseline.loss(references, target, lost)['loss'].backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        error = baseline.eval().loss(references, target, lost)['loss']
    assert error < 0.05 * target.var()
