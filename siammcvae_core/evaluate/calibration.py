# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How honest a method is about its errors: what it tells of lost pixels against what is so.

The age of the reference alone, the same for all pixels of a frame, is what a method must beat to
have told anything: `ause_age` is the AUSE of that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from siammcvae_core.metrics import Calibration

LEVELS = (50, 80, 90, 95)
COLUMNS = (
    'method', 'coverage_50', 'coverage_80', 'coverage_90', 'coverage_95', 'calibration_error',
    'nll', 'ause', 'ause_age', 'pixels',
)  # fmt: skip
GREY_LEVELS_PER_SECOND = 50  # any number will do: only the order of ages counts


@dataclass
class Honesty:
    """Expected and true errors of lost pixels, and ages in place of what is expected."""

    told: Calibration = field(default_factory=Calibration)
    by_age: Calibration = field(default_factory=Calibration)

    def add(
        self,
        expected: np.ndarray,
        seconds: float,
        restored: np.ndarray,
        truth: np.ndarray,
        mask: np.ndarray,
    ) -> None:
        """Count a frame whose reference is so many `seconds` old; see `Calibration.add`."""
        self.told.add(expected, restored, truth, mask)
        age = np.full(mask.shape, GREY_LEVELS_PER_SECOND * seconds, np.float32)
        self.by_age.add(age, restored, truth, mask)

    def __iadd__(self, other: 'Honesty') -> 'Honesty':
        """Take over what another one counted."""
        self.told += other.told
        self.by_age += other.by_age
        return self

    def row(self, method: str) -> dict[str, Any]:
        """Give the measures by the names of COLUMNS."""
        told = self.told
        return {
            'method': method,
            **{f'coverage_{level}': told.coverage(level / 100) for level in LEVELS},
            'calibration_error': told.calibration_error,
            'nll': told.nll,
            'ause': told.ause,
            'ause_age': self.by_age.ause,
            'pixels': told.pixels,
        }


def rows_of_honesty(parts: Iterable[Mapping[str, Honesty]]) -> list[dict[str, Any]]:
    """Sum what several tasks counted; a row for every method that tells its errors."""
    sums: dict[str, Honesty] = {}
    for part in parts:
        for method, counted in part.items():
            sums.setdefault(method, Honesty())
            sums[method] += counted
    return [counted.row(method) for method, counted in sums.items()]
