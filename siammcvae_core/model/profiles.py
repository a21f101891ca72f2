# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a SiamMCVAE is made of: a frozen description and the named ones; free of torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
import json
from types import MappingProxyType
from typing import Any

from siammcvae_core.errors import InputError


@dataclass(frozen=True)
class Profile:
    """Sizes and training choices of one SiamMCVAE; travels inside its weights file.

    `width`, `depth`, `heads` describe the siamese encoder (D and L of eq. 2-5); `latent` is D', the
    width of its output, of the latent Z and of the decoder, which has `decoder_depth` blocks (L')
    of `decoder_heads` heads. `patch` is P in pixels; `size` the (height, width) it is trained at,
    in pixels: any other multiple of the patch works too.

    `reparameterise=False` leaves out the noise, log σ² and the KL term (Table 3); `beta` weighs the
    KL term (eq. 18, Table 4) and has its meaning only with ImageNet-normalised pixels. `paper_kl`
    trains with eq. 20 as printed, which is no divergence: it is lowest, at -0.077, for σ² = 1/2.

    Raises `InputError` for values that make no model.
    """

    name: str
    width: int
    depth: int
    heads: int
    latent: int
    decoder_depth: int
    decoder_heads: int
    patch: int = 16
    size: tuple[int, int] = (224, 224)
    mlp_ratio: int = 4
    reparameterise: bool = True
    beta: float = 0.2
    paper_kl: bool = False

    def __post_init__(self) -> None:
        counts = [f.name for f in fields(self) if f.type is int or f.type == 'int']
        for name in counts:
            self._require(_is_count(getattr(self, name)), f'{name} must be a positive integer')
        for width, heads in (('width', 'heads'), ('latent', 'decoder_heads')):
            divisible = getattr(self, width) % getattr(self, heads) == 0
            self._require(divisible, f'{width} must be a multiple of {heads}')
            self._require(getattr(self, width) % 4 == 0, f'{width} must be a multiple of 4')
        in_patches = [_is_count(side) and side % self.patch == 0 for side in self.size]
        self._require(in_patches == [True, True], 'size must be two multiples of the patch')
        self._require(self.beta >= 0, 'beta must not be negative')

    def _require(self, holds: bool, rule: str) -> None:
        if not holds:
            raise InputError(f'profile {self.name!r}: {rule}, got {self}')

    def to_json(self) -> str:
        """Write the profile as one JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> 'Profile':
        """Read what `to_json` wrote; raises `InputError` for anything else."""
        try:
            values: dict[str, Any] = json.loads(text)
            if 'size' in values:
                values['size'] = tuple(values['size'])
            return cls(**values)
        except InputError:
            raise
        except (TypeError, ValueError) as error:
            raise InputError(f'not a profile: {error}') from error


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


PROFILES: Mapping[str, Profile] = MappingProxyType({
    p.name: p
    for p in (
        # The paper's: ViT-B/16 at 224 x 224, β = 0.2, decoder of MAE.
        Profile('vit_b', 768, 12, 12, latent=512, decoder_depth=8, decoder_heads=16),
        Profile('vit_s', 384, 12, 6, latent=256, decoder_depth=4, decoder_heads=8),
        # For CPUs and tests.
        Profile('tiny', 192, 4, 3, latent=128, decoder_depth=2, decoder_heads=4),
    )
})


def get_profile(name: str, **changes: Any) -> Profile:
    """Look up a named profile, with some of its fields changed.

    Raises `InputError` that lists the names or fields there are.
    """
    if name not in PROFILES:
        raise InputError(f'no profile {name!r}; there are {", ".join(PROFILES)}')
    known = [f.name for f in fields(Profile)]
    unknown = [c for c in changes if c not in known]
    if unknown:
        raise InputError(f'a profile has no {", ".join(unknown)}; it has {", ".join(known)}')
    return replace(PROFILES[name], **changes)
