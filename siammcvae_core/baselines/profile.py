# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a masked autoencoder among the peers is made of; free of torch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from siammcvae_core.model.profiles import Described

P = TypeVar('P', bound='BaselineProfile')


@dataclass(frozen=True)
class BaselineProfile(Described):
    """Sizes and training choices of one peer; travels inside its weights file.

    The encoder has `depth` blocks of `heads` heads, `width` wide, the decoder likewise. `patch` is
    in pixels; `size` the (height, width) it is trained at, in pixels: any other multiple of the
    patch works too.

    `norm_pix` trains on patches brought to mean 0 and deviation 1 each. It serves features (label
    propagation) but bars restoration: the mean and deviation of a lost patch are lost with it.

    Raises `InputError` for values that make no model.
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


def by_name(profiles: Iterable[P]) -> Mapping[str, P]:
    """List profiles by their names."""
    return MappingProxyType({profile.name: profile for profile in profiles})
