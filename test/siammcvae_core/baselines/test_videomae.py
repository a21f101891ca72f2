# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""VideoMAE: tubelets of a clip, tube masks in training, and positions in time."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from siammcvae_core.baselines.videomae import PROFILES, VideoMAE
from siammcvae_core.errors import InputError

Build = Callable[..., VideoMAE]


def tubelets_seen(model: VideoMAE, references: Tensor, damaged: Tensor, lost: Tensor) -> Tensor:
    """Catch what the encoder is given: (B, steps, N, 2, P*P*3)."""
    seen = []
    hook = model.encoder.register_forward_hook(lambda _, args, __: seen.append(args[0]))
    model.predict(references, damaged, lost)
    hook.remove()
    return seen[0].unflatten(-1, (2, -1)).unflatten(1, (model.profile.steps, -1))


@pytest.mark.parametrize(
    ('count', 'clip'), [(1, [1, 1, 9, 9]), (2, [2, 1, 9, 9]), (3, [3, 2, 1, 1, 9, 9])]
)
def test_the_clip_runs_forwards_and_no_tubelet_mixes_the_damaged_frame_with_another(
    build: Build, count: int, clip: list[int]
) -> None:
    model = build('videomae', references=count)
    newest_first = torch.arange(1.0, count + 1).reshape(1, -1, 1, 1, 1)
    references = newest_first.expand(1, count, 3, 8, 12)
    lost = torch.arange(6)[None] < 2
    seen = tubelets_seen(model, references, torch.full((1, 3, 8, 12), 9.0), lost)
    assert seen.shape == (1, len(clip) // 2, 6, 2, 48)
    assert seen[0].movedim(2, 1).flatten(0, 1)[:, :, 0].tolist() == [[float(v)] * 6 for v in clip]


def test_a_tubelet_is_one_place_in_two_frames(build: Build, frames: Callable[..., Tensor]) -> None:
    model, damaged = build('videomae'), torch.zeros(1, 3, 8, 12)
    references = torch.zeros(1, 2, 3, 8, 12)
    references[0, 0, :, 4:, 8:] = 1.0
    seen = tubelets_seen(model, references, damaged, torch.arange(6)[None] < 2)
    assert seen.amax(-1).nonzero().tolist() == [[0, 0, 5, 1]]


def test_only_the_damaged_frame_s_own_tubelets_are_lost(
    build: Build, frames: Callable[..., Tensor]
) -> None:
    model, seen = build('videomae'), []
    model.encoder.vit.register_forward_hook(lambda _, args, __: seen.append(args[0].shape[1]))
    lost = torch.arange(6)[None] < 4
    model.predict(frames(1, 2, 3, 8, 12), frames(1, 3, 8, 12), lost)
    assert seen == [1 + 6 + 2]


def test_training_loses_tubes_in_its_share_of_the_samples(
    build: Build, frames: Callable[..., Tensor]
) -> None:
    lost = torch.arange(6)[None].expand(40, -1) < 4
    lost = torch.cat([lost, torch.ones(1, 6, dtype=torch.bool)])
    references, target = frames(41, 2, 3, 8, 12), frames(41, 3, 8, 12)
    for share in (0.0, 0.5, 1.0):
        model, masks = build('videomae', clip_share=share).train(), []
        model.encoder.register_forward_hook(lambda _, args, __, m=masks: m.append(args[2]))
        model.loss(references, target, lost)
        first, last = masks[0].unflatten(1, (2, 6)).unbind(1)
        assert torch.equal(last, lost)
        tubes = first.any(1)
        assert torch.equal(first[tubes], lost[tubes])
        # A clip that is lost as a whole teaches nothing.
        assert not tubes[-1]
        assert tubes[:-1].float().mean().item() == pytest.approx(share, abs=0.25)
        assert 0 < tubes[:-1].sum() < 40 or share != 0.5


def test_a_tube_hides_the_kept_frames_too_but_judges_by_them(
    build: Build, frames: Callable[..., Tensor]
) -> None:
    model, lost = build('videomae', clip_share=1.0).train(), torch.arange(6)[None] < 3
    references, target = frames(1, 2, 3, 8, 12), frames(1, 3, 8, 12, seed=2)
    other = references.clone()
    other[..., :4, :] += 1.0  # the upper row of patches, which is lost
    predicted = []
    model.decoder.register_forward_hook(lambda _, __, out: predicted.append(out))
    one, two = (model.loss(r, target, lost)['loss'] for r in (references, other))
    assert torch.equal(*predicted)
    assert not torch.isclose(one, two, rtol=1e-2)


def test_positions_tell_all_tubelets_apart(build: Build) -> None:
    model = build('videomae', references=4)
    for decoder, width in ((False, 32), (True, 16)):
        table = model.places((4, 5), decoder, torch.device('cpu'))
        assert table.shape == (3, 21, width)
        assert torch.pdist(table[:, 1:].flatten(0, 1)).min() > 1e-2
        # Time and place are told by features of their own.
        assert torch.equal(table[0, :, : -width // 4], table[2, :, : -width // 4])
        assert table[1, :, -width // 4 :].unique(dim=0).shape[0] == 1


def test_positions_continue_on_a_larger_grid(build: Build) -> None:
    model, device = build('videomae'), torch.device('cpu')
    small, large = (model.places((2, n), False, device)[:, 1:] for n in (3, 5))
    kept = large.unflatten(1, (2, 5))[:, :, :3].flatten(1, 2)
    assert torch.equal(small, kept)


def test_vit_b_has_the_published_size() -> None:
    with torch.device('meta'):
        model = VideoMAE(PROFILES['vit_b'])
    # 94.2 M, as VideoMAE's pre-training log prints; ours has a cls token besides.
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(94.2e6, abs=0.05e6)


def test_profiles_that_make_no_model_are_refused(build: Build) -> None:
    with pytest.raises(InputError, match='clip_share must be in'):
        build('videomae', clip_share=1.5)
    with pytest.raises(InputError, match='references must be a positive integer'):
        build('videomae', references=0)
    with pytest.raises(InputError, match='width must be a multiple of 16'):
        build('videomae', width=24)
