# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""MAE: one frame only, and as large as the published one."""

from collections.abc import Callable

import torch
from torch import Tensor

from siammcvae_core.baselines.mae import MAE, PROFILES

PUBLISHED = 111_907_840
"""Parameters of mae_vit_base_patch16, its two fixed tables of 197 positions included."""


def test_vit_b_has_the_published_number_of_parameters() -> None:
    with torch.device('meta'):
        model = MAE(PROFILES['vit_b'])
    assert sum(p.numel() for p in model.parameters()) == PUBLISHED - 197 * (768 + 512)


def test_it_needs_no_kept_frame(
    build: Callable[..., MAE], frames: Callable[..., Tensor], some_lost: Callable[..., Tensor]
) -> None:
    model, lost = build('mae'), some_lost(3, 6)
    restored = model.restore(torch.empty(3, 0, 3, 8, 12), frames(3, 3, 8, 12), lost)
    assert restored.isfinite().all()


def test_the_encoder_s_work_follows_what_is_visible(
    build: Callable[..., MAE], frames: Callable[..., Tensor]
) -> None:
    model, seen = build('mae'), []
    model.encoder.vit.register_forward_hook(lambda _, args, __: seen.append(args[0].shape[1]))
    lost = torch.arange(24)[None] < 18
    model.restore(torch.empty(1, 0, 3, 16, 24), frames(1, 3, 16, 24), lost)
    assert seen == [1 + 6]
