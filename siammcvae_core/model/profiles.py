# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes and training choices of models, and the named profiles; does not import torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
import json
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from siammcvae_core.errors import InputError
from siammcvae_core.files import parse_json

P = TypeVar('P', bound='BaseProfile')

MOST = 65536  # largest count; more means a damaged or a malicious file


@dataclass(frozen=True)
class BaseProfile:
    """Fields that the profiles of all systems share.

    `system` names the kind of model, `name` the profile.
    """

    system: ClassVar[str]

    name: str

    def to_json(self) -> str:
        """Write the profile as one JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls: type[P], text: str) -> P:
        """Read what `to_json` wrote; raises `InputError` for anything else."""
        try:
            stored = parse_json(text).items()
            values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in stored}
            return cls(**values)
        except InputError:
            raise
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(f'not a profile: {error}') from error

    def _require(self, holds: bool, rule: str) -> None:
        if not holds:
            raise InputError(f'profile {self.name!r}: {rule}, got {self}')

    def _check_sizes(self, size: tuple[int, int], patch: int, *stacks: tuple[str, str]) -> None:
        """Check all counts, the size, and the widths and heads of the named stacks of blocks."""
        counts = [f.name for f in fields(self) if f.type is int or f.type == 'int']
        for name in counts:
            rule = f'{name} must be a positive integer, at most {MOST}'
            self._require(_is_count(getattr(self, name)), rule)
        for width, heads in stacks:
            divisible = getattr(self, width) % getattr(self, heads) == 0
            self._require(divisible, f'{width} must be a multiple of {heads}')
            self._require(getattr(self, width) % 4 == 0, f'{width} must be a multiple of 4')
        in_patches = [_is_count(side) and side % patch == 0 for side in size]
        self._require(in_patches == [True, True], 'size must be two multiples of the patch')


@dataclass(frozen=True)
class TransformerProfile(BaseProfile):
    """Fields of all transformers: `width`, `depth`, `heads` are those of the encoder."""

    width: int
    depth: int
    heads: int


@dataclass(frozen=True)
class Profile(TransformerProfile):
    """Sizes and training choices of one SiamMCVAE; stored in its weights file.

    `width`, `depth`, `heads` describe the siamese encoder (D and L of eq. 2-5); `latent` is D', the
    width of its output, of the latent Z and of the decoder, which has `decoder_depth` blocks (L')
    of `decoder_heads` heads. `patch` is P in pixels; `size` the (height, width) it is trained at,
    in pixels: any other multiple of the patch works too.

    `reparameterise=False` leaves out the noise, log σ² and the KL term (Table 3); `beta` weighs the
    KL term (eq. 18, Table 4) and depends on pixels being ImageNet-normalised. `paper_kl`
    trains with eq. 20 as printed, which is no divergence: it is lowest, at -0.077, for σ² = 1/2.

    Raises `InputError` for values that describe no model.
    """

    system: ClassVar[str] = 'siammcvae'

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
        stacks = ('width', 'heads'), ('latent', 'decoder_heads')
        self._check_sizes(self.size, self.patch, *stacks)
        self._require(self.beta >= 0, 'beta must not be negative')


@dataclass(frozen=True)
class DriveProfile(TransformerProfile):
    """Sizes and training choices of the `drive` model; stored in its weights file.

    `width`, `depth`, `heads` describe the siamese encoder, `latent` is D', the width of its output
    and of Z; the decoder has `decoder_depth` blocks of `decoder_width` and `decoder_heads`; `cells`
    is the number of features of a cell of `cell` x `cell` pixels, and `candidates` how many of the
    composite's CANDIDATES are weighed; their defaults are those of weights that say neither.
    `size` (height, width) is that of
    the crops it is trained on, in pixels, `working` the longer side of the frames it serves. `beta`
    weighs the KL term; `reparameterise=False` leaves it out.

    Losses beside the squared error, by their weights: `detail` (energy of detail), `charbonnier`,
    `gradient` and `frequency` of the lost pixels, `smoothness` of the correction, `photometric` for
    the error of the warped reference at what is visible next to them. The weights that ship were
    trained with `detail` alone.

    For ablations, what the prediction may use: `correction` of the motion, the `smooth` candidates,
    `colour`; and `siamese`, the tokens of both frames.

    Raises `InputError` for values that describe no model.
    """

    system: ClassVar[str] = 'drive'

    latent: int
    decoder_width: int
    decoder_depth: int
    decoder_heads: int
    cells: int
    cell: int = 4
    candidates: int = 5
    patch: int = 16
    size: tuple[int, int] = (256, 320)
    working: int = 640
    mlp_ratio: int = 3
    reparameterise: bool = True
    beta: float = 1e-3
    detail: float = 0.0
    charbonnier: float = 0.0
    gradient: float = 0.0
    frequency: float = 0.0
    smoothness: float = 0.0
    photometric: float = 0.0
    correction: bool = True
    smooth: bool = True
    colour: bool = True
    siamese: bool = True

    def __post_init__(self) -> None:
        stacks = ('width', 'heads'), ('decoder_width', 'decoder_heads')
        self._check_sizes(self.size, self.patch, *stacks)
        self._require(self.cell in (4, 8), 'cell must be 4 or 8')
        self._require(2 <= self.candidates <= 5, 'candidates must be from 2 to 5')
        self._require(self.beta >= 0, 'beta must not be negative')


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        p.name: p
        for p in (
            # The paper's: ViT-B/16 at 224 x 224, β = 0.2, decoder of MAE.
            Profile('vit_b', 768, 12, 12, latent=512, decoder_depth=8, decoder_heads=16),
            Profile('vit_s', 384, 12, 6, latent=256, decoder_depth=4, decoder_heads=8),
            # For CPUs and tests.
            Profile('tiny', 192, 4, 3, latent=128, decoder_depth=2, decoder_heads=4),
        )
    }
)

DRIVE_PROFILES: Mapping[str, DriveProfile] = MappingProxyType({
    p.name: p
    for p in (
        DriveProfile(
            'drive', 64, 1, 2, latent=64, decoder_width=96, decoder_depth=1, decoder_heads=3,
            cells=64, cell=8, candidates=3,
        ),
    )
})  # fmt: skip


def get_profile(name: str, **changes: Any) -> Profile:
    """Look up a named profile, with some of its fields changed.

    Raises `InputError` that lists the names or fields there are.
    """
    return choose(PROFILES, name, changes)


def choose(profiles: Mapping[str, P], name: str, changes: Mapping[str, Any]) -> P:
    """Look up a profile among those of a system, as `get_profile` does."""
    if name not in profiles:
        raise InputError(f'no profile {name!r}; there are {", ".join(profiles)}')
    names = [f.name for f in fields(profiles[name])]
    unknown = [change for change in changes if change not in names]
    if unknown:
        raise InputError(f'a profile has no {", ".join(unknown)}; it has {", ".join(names)}')
    return replace(profiles[name], **changes)
