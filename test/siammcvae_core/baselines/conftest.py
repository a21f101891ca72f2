# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of the learned baselines share."""

from collections.abc import Callable

import pytest
from support.threads import one_thread  # noqa: F401  (autouse)
import torch
from torch import Tensor

from siammcvae_core.baselines.baseline import LearnedBaseline
from siammcvae_core.baselines.catalogue import build_baseline

SMALL = {
    'patch': 4, 'size': (8, 8), 'width': 32, 'depth': 2, 'heads': 2, 'decoder_width': 16,
    'decoder_depth': 1, 'decoder_heads': 2,
}  # fmt: skip


@pytest.fixture
def build() -> Callable[..., LearnedBaseline]:
    """Build a baseline that runs in milliseconds, in evaluation mode, always the same one."""

    def build(system: str, **changes: object) -> LearnedBaseline:
        torch.manual_seed(0)
        return build_baseline(system, 'tiny', SMALL | changes).eval()

    return build


@pytest.fixture
def frames() -> Callable[..., Tensor]:
    """Make random frames of a shape that ends in (3, height, width)."""

    def frames(*shape: int, seed: int = 1) -> Tensor:
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))

    return frames


@pytest.fixture
def some_lost() -> Callable[..., Tensor]:
    """Make a mask whose images lose different numbers of patches, from none to all of them."""

    def some_lost(batch: int, patches: int) -> Tensor:
        generator = torch.Generator().manual_seed(3)
        share = torch.linspace(0, 1, batch)[:, None]
        return torch.rand(batch, patches, generator=generator) < share

    return some_lost


@pytest.fixture
def pixels_of() -> Callable[..., Tensor]:
    """Spread a mask of patches over their pixels, (B, 1, H, W)."""

    def pixels_of(lost: Tensor, frame: Tensor, patch: int = 4) -> Tensor:
        cells = lost.reshape(-1, 1, frame.shape[-2] // patch, frame.shape[-1] // patch)
        return cells.repeat_interleave(patch, 2).repeat_interleave(patch, 3)

    return pixels_of
