# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes and training choices of the learned baselines; free of torch."""

from dataclasses import dataclass
from typing import TypeVar

from siammcvae_core.model.profiles import TransformerProfile

P = TypeVar('P', bound='BaselineProfile')


@dataclass(frozen=True)
class BaselineProfile(TransformerProfile):
    """Sizes and training choices of one baseline, stored in its weights file.

    The encoder has `depth` blocks of `heads` heads, `width` wide, the decoder likewise. `patch` is
    in pixels; `size` the (height, width) it is trained at, in pixels: any other multiple of the
    patch works too.

    `norm_pix` trains on patches normalised to mean 0 and standard deviation 1 each. That improves
    features (label propagation) but rules out restoration: the mean and deviation of a lost patch
    are lost with it.

    Raises `InputError` for values no model can have.
    """

    decoder_width: int
    decoder_depth: int
    decoder_heads: int
    patch: int = 16
    size: tuple[int, int] = (224, 224)
    mlp_ratio: int = 4
    norm_pix: bool = False

    def __post_init__(self) -> None:
        stacks = ('width', 'heads'), ('decoder_width', 'decoder_heads')
        self._check_sizes(self.size, self.patch, *stacks)


ENCODERS = {
    'tiny': (192, 4, 3),
    'vit_s': (384, 12, 6),
    'vit_b': (768, 12, 12),
    'vit_l': (1024, 24, 16),
}
"""Width, depth and heads of the encoder by the size of the ViT."""


def by_size(profile: type[P], **decoders: tuple[int, int, int]) -> dict[str, P]:
    """Build a profile for each size of ENCODERS, given width, depth and heads of its decoder."""
    return {size: profile(size, *ENCODERS[size], *decoders[size]) for size in ENCODERS}
