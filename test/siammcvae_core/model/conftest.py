# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of the model share."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from siammcvae_core.model.profiles import get_profile, Profile
from siammcvae_core.model.siammcvae import SiamMCVAE


@pytest.fixture
def small() -> Profile:
    """Describe a model that runs in milliseconds: patches of 4 x 4 pixels, two blocks."""
    return get_profile(
        'tiny', patch=4, size=(8, 8), width=32, depth=2, heads=2, latent=16, decoder_depth=1,
        decoder_heads=2,
    )  # fmt: skip


@pytest.fixture
def build() -> Callable[..., SiamMCVAE]:
    """Build a model in evaluation mode, the same one for the same profile."""

    def build(profile: Profile, kernel: str = 'adaptive') -> SiamMCVAE:
        torch.manual_seed(0)
        return SiamMCVAE(profile, kernel).eval()

    return build


@pytest.fixture
def frames() -> Callable[..., Tensor]:
    """Make random frames (batch, 3, height, width)."""

    def frames(batch: int, height: int, width: int, seed: int = 1) -> Tensor:
        return torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(seed))

    return frames
