# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which clip each sample comes from, also where not all clips fit the cache at a time."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
import math

import numpy as np

from siammcvae_core.data.cache import ClipFacts
from siammcvae_core.errors import InputError
from siammcvae_core.train.config import DataConfig

VISIT = 0.1
"""Samples drawn per frame of a clip before the window moves on, where not all clips fit."""
FILL = 0.75
"""Share of the cache budget that the clips in the window may take."""


class ClipOrder:
    """Which clips a sample may come from, and how often each is drawn.

    As often as it declares frames, times its factor in `clip_weights`. Where the clips do not all
    fit the budget (`moves`), a `window` of them moves through an order that is shuffled anew for
    every pass, one clip at a time, so that each is decoded about once per pass. What is decoded
    already makes no difference.
    """

    def __init__(
        self, facts: Sequence[ClipFacts], config: DataConfig, budget: int, seed: int
    ) -> None:
        factors = [clip_factor(f.name, config.clip_weights) for f in facts]
        self._weights = np.array([f.declared for f in facts]) * np.array(factors)
        if not self._weights.sum() > 0:
            raise InputError('no clip has frames to train on and a weight above 0')
        self._seed = seed
        largest_first = np.cumsum(sorted((f.room for f in facts), reverse=True))
        # So many clips fit together whichever they are; all of them if they fill the budget.
        fit = int(np.searchsorted(largest_first, FILL * budget, side='right'))
        fits = largest_first[-1] <= budget
        self.window = len(facts) if fits else max(1, fit)
        self.moves = not fits
        self._visit = max(1, round(VISIT * float(self._weights.mean())))
        self._all = np.cumsum(self._weights)

    def draw(self, index: int, rng: np.random.Generator, ahead: int = 0) -> int:
        """Draw the number of the clip for sample `index`, from the window so many clips `ahead`."""
        count = len(self._weights)
        if self.window == count:
            return draw_index(self._all, rng)
        first = index // self._visit + ahead
        places = range(first, first + self.window)
        clips = [int(self._shuffled(place // count)[place % count]) for place in places]
        weights = np.cumsum(self._weights[clips])
        return clips[draw_index(weights, rng)] if weights[-1] > 0 else draw_index(self._all, rng)

    @lru_cache(maxsize=2)  # noqa: B019  one order lives as long as the run
    def _shuffled(self, turn: int) -> np.ndarray:
        return np.random.default_rng((self._seed, turn)).permutation(len(self._weights))


def draw_index(cumulated: np.ndarray, rng: np.random.Generator) -> int:
    """Draw an index in proportion to weights, given their cumulative sums."""
    return int(np.searchsorted(cumulated, rng.random() * cumulated[-1], side='right'))


def clip_factor(name: str, factors: dict[str, float]) -> float:
    """Multiply the factors of all patterns that match the name of a clip."""
    return math.prod(f for pattern, f in factors.items() if fnmatchcase(name, pattern))
