# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""MAE-ST: separable positions and masks without regard to space and time."""

from collections.abc import Callable

import torch

from siammcvae_core.baselines.mae_st import MAEST


def test_positions_are_the_sum_of_one_for_space_and_one_for_time(
    build: Callable[..., MAEST],
) -> None:
    model = build('mae_st', references=3)
    for decoder, time in ((False, model.time), (True, model.decoder_time)):
        table = model.places((2, 3), decoder, torch.device('cpu')).detach()
        assert table.shape[:2] == (3, 1 + 6)
        torch.testing.assert_close(table[2] - table[0], (time[2] - time[0]).detach().expand(7, -1))
        torch.testing.assert_close(table[0, 1:] - table[0, :1], table[2, 1:] - table[2, :1])


def test_clip_masks_lose_the_asked_share_anywhere(build: Callable[..., MAEST]) -> None:
    model = build('mae_st')
    lost = torch.arange(100)[None] < torch.tensor([[0], [25], [90], [100]])
    masks = torch.stack([model.mask_clip(lost) for _ in range(50)])  # (50, 4, 2, 100)
    assert masks.shape == (50, 4, 2, 100)
    assert masks.sum((2, 3)).eq(2 * lost.sum(1)).all()
    share = masks[:, 1:3].float().mean(0)  # (2, 2, 100): by place, over the draws
    expected = torch.tensor([0.25, 0.9])[:, None, None]
    assert (share - expected).abs().max() < 0.3
    assert (share - expected).square().mean() < 0.006  # p (1 - p) / 50 = 0.004 and 0.002
