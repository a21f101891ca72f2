# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How well calibrated a method's expected errors are: against the true errors of lost pixels.

With b the expected absolute error of a pixel and |e| the true one:

    coverage(p) = share of the pixels with |e| <= -b log(1 - p)
    calibration error = mean of |coverage(p) - p| over p = 5 %, 10 % … 95 %

A method must also sort pixels by their errors better than the age of the reference does, which is
the same for all pixels of a frame: `ause_age` is the AUSE with b = age.
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
class MethodCalibration:
    """Expected and true errors of the lost pixels, and the same with ages as expected errors."""

    by_expected_error: Calibration = field(default_factory=Calibration)
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
        self.by_expected_error.add(expected, restored, truth, mask)
        age = np.full(mask.shape, GREY_LEVELS_PER_SECOND * seconds, np.float32)
        self.by_age.add(age, restored, truth, mask)

    def __iadd__(self, other: 'MethodCalibration') -> 'MethodCalibration':
        """Add what another one counted."""
        self.by_expected_error += other.by_expected_error
        self.by_age += other.by_age
        return self

    def row(self, method: str) -> dict[str, Any]:
        """Return the measures by the names of COLUMNS."""
        counts = self.by_expected_error
        return {
            'method': method,
            **{f'coverage_{level}': counts.coverage(level / 100) for level in LEVELS},
            'calibration_error': counts.calibration_error,
            'nll': counts.nll,
            'ause': counts.ause,
            'ause_age': self.by_age.ause,
            'pixels': counts.pixels,
        }


def calibration_rows(parts: Iterable[Mapping[str, MethodCalibration]]) -> list[dict[str, Any]]:
    """Sum the counts of several clips; a row for every method that predicts its errors."""
    sums: dict[str, MethodCalibration] = {}
    for part in parts:
        for method, counts in part.items():
            sums.setdefault(method, MethodCalibration())
            sums[method] += counts
    return [counts.row(method) for method, counts in sums.items()]
