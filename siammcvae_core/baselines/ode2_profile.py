# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes and choices of Ode2-FacVAE, stored in its weights file; free of torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from siammcvae_core.model.profiles import BaseProfile

DYNAMICS = ('second', 'first', 'linear')
PRIORS = ('energy', 'seed', 'white_noise', 'stationary')
INDEPENDENCE = ('tc', 'dip')


@dataclass(frozen=True)
class Ode2Profile(BaseProfile):
    """An Ode2-FacVAE of `factors` factors with `codes` numbers each, L and q of the module.

    `size` is the (height, width) of its frames in pixels, `patch` that of the patches which are
    seen or lost. `width` are the channels of the first of `depth` convolutions of stride 2,
    `hidden` the width of each factor's dynamics.

    `dynamics` is second order, first (of positions alone) or linear (constant velocity);
    `context`: whether a factor has a constant acceleration of its own, inferred per clip, without
    which two clips of equal position and velocity must accelerate alike (as the seed prints it).

    `prior` measures how states move: `energy` of the acceleration, ∫ |f - c|² dt / (2 `density`);
    `white_noise` or `seed` (`gamma_1` … `gamma_3`) between frames, see `factorised`; `stationary`
    an independent N(0, I) at every frame. The first state has the deviations 1, `velocity` and
    `acceleration` per unit of time: a code must not leave what the decoder knows within a window.
    `bayesian` makes the dynamics' weights Gaussian; `clips` is what their KL is divided by.
    `independence` of the factors is asked for by total correlation or by covariance (DIP), with
    the weight `total_correlation`. `adjoint` saves memory in training.

    `time_unit` is a unit of time in seconds; a query more than `horizon` seconds from every
    observed frame is refused. Raises `InputError` for values that describe no model.
    """

    system: ClassVar[str] = 'ode2_facvae'

    factors: int = 5
    codes: int = 6
    width: int = 32
    depth: int = 4
    hidden: int = 32
    patch: int = 16
    size: tuple[int, int] = (64, 112)
    clips: int = 1000
    dynamics: str = 'second'
    context: bool = True
    prior: str = 'energy'
    density: float = 0.01
    gamma_1: float = 1.0
    gamma_2: float = 1.0
    gamma_3: float = 0.0
    velocity: float = 0.3
    acceleration: float = 0.1
    independence: str = 'tc'
    total_correlation: float = 10.0
    bayesian: bool = False
    adjoint: bool = False
    time_unit: float = 0.1
    horizon: float = 3.0

    def __post_init__(self) -> None:
        self._check_sizes(self.size, self.patch)
        fits = all(side % (1 << min(self.depth, 16)) == 0 for side in self.size)
        self._require(fits, 'size must be two multiples of 2^depth')
        choices = ('dynamics', DYNAMICS), ('prior', PRIORS), ('independence', INDEPENDENCE)
        for name, known in choices:
            self._require(getattr(self, name) in known, f'{name} must be {" or ".join(known)}')
        for name in ('density', 'velocity', 'acceleration', 'time_unit', 'horizon'):
            self._require(0 < getattr(self, name) < 1e6, f'{name} must be positive')
        self._require(self.total_correlation >= 0, 'total_correlation must not be negative')
        first, second, third = self.gammas
        definite = first > 0 and second > 0 and third**2 < first * second
        self._require(definite, 'the prior must be positive definite, gamma_3² < gamma_1 gamma_2')

    @property
    def gammas(self) -> tuple[float, float, float]:
        """Of the seed's transition prior."""
        return self.gamma_1, self.gamma_2, self.gamma_3

    @property
    def deviations(self) -> tuple[float, ...]:
        """Prior deviations of what a factor's state holds: position, velocity, acceleration."""
        if self.dynamics == 'first':
            return (1.0,)
        moving = 1.0, self.velocity
        return (*moving, self.acceleration) if self._accelerates else moving

    @property
    def _accelerates(self) -> bool:
        return self.context and self.dynamics == 'second'


PROFILES: Mapping[str, Ode2Profile] = MappingProxyType(
    {'tiny': Ode2Profile('tiny'), 'physics': Ode2Profile(
        'physics', factors=4, codes=2, width=8, depth=2, hidden=16, size=(16, 16), patch=4,
        velocity=0.3, acceleration=0.1, time_unit=0.2,
    )}
)  # fmt: skip
