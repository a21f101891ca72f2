# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How honest the expected error is: does it say how large errors are, and where they are large.

The expected absolute error b of a pixel is read as a Laplace distribution of that scale around
each of its channels. All measures come from counts of (b, error) pairs, b in steps of 0.7 %, so
any number of frames fits in 2 MB and counts of several workers add up.
"""

import math
from typing import NamedTuple

import numpy as np

from siammcvae_core.errors import InputError
from siammcvae_core.metrics.pair import check_pair

SMALLEST_B = 0.25  # mean absolute error of rounding to whole grey levels
OCTAVES, STEPS = 10, 100  # up to 256 grey levels, 100 steps each
LEVELS = tuple(index / 20 for index in range(1, 20))  # of coverage: 5 % to 95 %
FRACTIONS = 100  # steps of the sparsification curves
CHANNELS = 3  # a grey pixel counts as three equal channels


class Sparsification(NamedTuple):
    """Mean error of the pixels left as the worst are taken away, over that of all; each (101,).

    `removed` is the share taken away; `expected` takes the largest expected error first, `oracle`
    the largest true one. At a share of 1 they hold the limit: the error of the best step alone.
    """

    removed: np.ndarray
    expected: np.ndarray
    oracle: np.ndarray


class Calibration:
    """Gathers expected and true errors frame by frame; measures are NaN before the first pixel."""

    def __init__(self) -> None:
        self._samples = np.zeros((OCTAVES * STEPS + 1, 256), np.int64)  # by b, error of a channel
        self._pixels = np.zeros(255 * CHANNELS + 1, np.int64)  # by summed error of the channels

    def add(
        self,
        expected: np.ndarray,
        restored: np.ndarray,
        truth: np.ndarray,
        mask: np.ndarray | None = None,
    ) -> None:
        """Count a frame: `expected` is float (H, W) in grey levels, frames uint8 of one shape.

        With `mask`, bool (H, W), only its True pixels count. Below 0.25 grey levels, the error of
        rounding, `expected` counts as 0.25. Raises InputError for other shapes and types and for
        expected errors that are negative or not finite.
        """
        check_pair(restored, truth, mask)
        if expected.shape != truth.shape[:2]:
            raise InputError(
                f'expected error of {expected.shape} does not fit frames of {truth.shape}'
            )
        where = slice(None) if mask is None else mask
        scales = expected[where].reshape(-1)
        if not (np.isfinite(scales) & (scales >= 0)).all():
            raise InputError('expected errors must be finite and 0 or more')
        difference = np.subtract(restored[where], truth[where], dtype=np.int16)
        errors = np.abs(difference).reshape(scales.size, truth[0, 0].size)
        rows = np.rint(np.log2(np.maximum(scales, SMALLEST_B) / SMALLEST_B) * STEPS).astype(np.intp)
        cells = np.minimum(rows, OCTAVES * STEPS)[:, None] * 256 + errors
        weight = CHANNELS // errors.shape[1]
        counts = np.bincount(cells.reshape(-1), minlength=self._samples.size)
        self._samples += weight * counts.reshape(self._samples.shape)
        sums = weight * errors.sum(axis=1)
        self._pixels += np.bincount(sums, minlength=self._pixels.size)

    def __iadd__(self, other: 'Calibration') -> 'Calibration':
        """Take over what another one counted."""
        self._samples += other._samples
        self._pixels += other._pixels
        return self

    @property
    def pixels(self) -> int:
        """How many pixels were counted."""
        return int(self._pixels.sum())

    @property
    def nll(self) -> float:
        """Mean negative log-likelihood of the Laplace density, log(2 b) + |error| / b, in nats."""
        scales = _scales()[:, None]
        return self._mean(np.log(2 * scales) + np.arange(256) / scales)

    def coverage(self, level: float) -> float:
        """Share of channel values within the central interval of probability `level`, in (0, 1).

        That is |error| <= -b log(1 - level). Errors are whole grey levels, so one of e stands for
        e ± 0.5 and counts by how much of the probability there lies inside (the non-randomised
        transform of Czado 2009): else small b could never be covered as they should.
        """
        if not 0 < level < 1:
            raise InputError(f'level of coverage must be between 0 and 1, got {level}')
        scales, errors = _scales()[:, None], np.arange(256)
        below = -np.expm1(-np.maximum(errors - 0.5, 0) / scales)
        above = -np.expm1(-(errors + 0.5) / scales)
        # Far out both round to 1, and nothing of it is inside.
        return self._mean(np.clip((level - below) / np.maximum(above - below, 1e-9), 0, 1))

    @property
    def calibration_error(self) -> float:
        """Mean of |coverage - level| over the levels 5 %, 10 % ... 95 % (after Kuleshov 2018).

        0 is perfect; below 0.5. Absolute differences instead of the paper's squared ones, so that
        it is a share of pixels.
        """
        gaps = [abs(self.coverage(level) - level) for level in LEVELS]
        return sum(gaps) / len(gaps)

    def sparsification(self) -> Sparsification:
        """Return the curves of Ilg 2018, of mean absolute error over channels, all frames as one.

        Pixels whose expected error is in one step of 0.7 % go evenly. Where nothing is wrong at
        all the curves are 0.
        """
        errors = self._samples @ np.arange(256) / CHANNELS
        by_expected = _curve(self._samples.sum(axis=1) / CHANNELS, errors)
        levels = np.arange(self._pixels.size) / CHANNELS
        oracle = _curve(self._pixels, self._pixels * levels)
        return Sparsification(np.linspace(0, 1, FRACTIONS + 1), by_expected, oracle)

    @property
    def ause(self) -> float:
        """Area between the two curves of `sparsification` (Ilg 2018): 0 if b sorts as the truth."""
        _, expected, oracle = self.sparsification()
        gap = expected - oracle
        return float((gap[1:] + gap[:-1]).sum() / (2 * FRACTIONS))

    def _mean(self, values: np.ndarray) -> float:
        count = self._samples.sum()
        return float((self._samples * values).sum() / count) if count else math.nan


def _scales() -> np.ndarray:
    return SMALLEST_B * 2 ** (np.arange(OCTAVES * STEPS + 1) / STEPS)


def _curve(counts: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Mean error left when bins are emptied from the last to the first, over that of all."""
    count, total = counts.sum(), errors.sum()
    if not count:
        return np.full(FRACTIONS + 1, math.nan)
    if not total:
        return np.zeros(FRACTIONS + 1)
    filled = counts > 0
    kept_counts = np.cumsum(counts[filled]) / count
    kept_errors = np.cumsum(errors[filled]) / total
    left = np.linspace(1, 0, FRACTIONS + 1)[:-1]
    sums = np.interp(left, np.append(0, kept_counts), np.append(0, kept_errors))
    return np.append(sums / left, kept_errors[0] / kept_counts[0])
