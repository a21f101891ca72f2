# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Calibration of the expected error: does it predict how large errors are, and where.

The expected absolute error b of a pixel is the scale of a Laplace distribution of the error e of
each of its channels, p(e) = exp(-|e| / b) / (2 b). Over all channel values,

    NLL = mean of  log(2 b) + |e| / b
    coverage(p) = share with  |e| <= -b log(1 - p)
    calibration error = mean over p = 5 %, 10 % ... 95 % of  |coverage(p) - p|
    AUSE = integral over the share f removed, 0 to 1, of  r_b(f) - r_e(f)

where r_b(f) is the mean error of the pixels left when the share f with the largest b is removed,
over that of all pixels, and r_e(f) the same with the largest |e| removed. Sources: Kuleshov et al.
2018 (calibration error), Ilg et al. 2018 (AUSE). All come from counts of pairs (b, error), b in
steps of 0.7 %, so that any number of frames fits in 2 MB and counts of several workers add up.
"""

import math
from typing import NamedTuple

import numpy as np

from siammcvae_core.errors import InputError
from siammcvae_core.frames import format_size
from siammcvae_core.metrics.pair import check_pair

SMALLEST_B = 0.25  # mean absolute error of rounding to whole grey levels
OCTAVES, STEPS = 10, 100  # up to 256 grey levels, 100 steps each
LEVELS = tuple(index / 20 for index in range(1, 20))  # of coverage: 5 % to 95 %
FRACTIONS = 100  # steps of the sparsification curves
CHANNELS = 3  # a grey pixel counts as three equal channels


class Sparsification(NamedTuple):
    """The curves r_b and r_e of `ause`; each (101,).

    `removed` is the share f; `expected` is r_b(f), `oracle` is r_e(f). At a share of 1 they hold
    the limit: the error of the best step alone.
    """

    removed: np.ndarray
    expected: np.ndarray
    oracle: np.ndarray


class Calibration:
    """Counts expected and true errors frame by frame; metrics are NaN before the first pixel."""

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
                f'expected error of {format_size(expected.shape)} does not fit frames of '
                f'{format_size(truth.shape[:2])}'
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
        """Add the counts of another one."""
        self._samples += other._samples
        self._pixels += other._pixels
        return self

    @property
    def pixels(self) -> int:
        """How many pixels were counted."""
        return int(self._pixels.sum())

    @property
    def nll(self) -> float:
        """Mean negative log-likelihood of the Laplace density, in nats."""
        scales = _scales()[:, None]
        return self._mean(np.log(2 * scales) + np.arange(256) / scales)

    def coverage(self, level: float) -> float:
        """Share of channel values within the central interval of probability `level`, in (0, 1).

        Errors are whole grey levels, so one of e stands for e ± 0.5 and counts by the share of the
        probability there that lies inside (the non-randomised transform of Czado et al. 2009);
        without it small b could never reach the right coverage.
        """
        if not 0 < level < 1:
            raise InputError(f'level of coverage must be between 0 and 1, got {level}')
        scales, errors = _scales()[:, None], np.arange(256)
        below = -np.expm1(-np.maximum(errors - 0.5, 0) / scales)
        above = -np.expm1(-(errors + 0.5) / scales)
        # Far out both round to 1, and nothing lies inside.
        return self._mean(np.clip((level - below) / np.maximum(above - below, 1e-9), 0, 1))

    @property
    def calibration_error(self) -> float:
        """Mean of |coverage - level| over LEVELS: 0 is perfect, and it is below 0.5.

        Absolute differences instead of Kuleshov's squared ones, so that it is a share of pixels.
        """
        gaps = [abs(self.coverage(level) - level) for level in LEVELS]
        return sum(gaps) / len(gaps)

    def sparsification(self) -> Sparsification:
        """Compute the curves, with the mean absolute error over channels, all frames as one.

        Pixels whose expected error is in one step of 0.7 % are removed evenly. Where all errors
        are 0 the curves are 0.
        """
        errors = self._samples @ np.arange(256) / CHANNELS
        by_expected = _curve(self._samples.sum(axis=1) / CHANNELS, errors)
        levels = np.arange(self._pixels.size) / CHANNELS
        oracle = _curve(self._pixels, self._pixels * levels)
        return Sparsification(np.linspace(0, 1, FRACTIONS + 1), by_expected, oracle)

    @property
    def ause(self) -> float:
        """Area under the sparsification error: 0 if b orders pixels as their true error does."""
        _, expected, oracle = self.sparsification()
        gap = expected - oracle
        return float((gap[1:] + gap[:-1]).sum() / (2 * FRACTIONS))

    def _mean(self, values: np.ndarray) -> float:
        count = self._samples.sum()
        return float((self._samples * values).sum() / count) if count else math.nan


def _scales() -> np.ndarray:
    """List the values of b that are counted apart, float64 (1001,)."""
    return SMALLEST_B * 2 ** (np.arange(OCTAVES * STEPS + 1) / STEPS)


def _curve(counts: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Compute r(f): the mean error left as bins are removed from the last on, over that of all."""
    count, total = counts.sum(), errors.sum()
    if not count:
        return np.full(FRACTIONS + 1, math.nan)
    if not total:
        return np.zeros(FRACTIONS + 1)
    filled = counts > 0
    left_counts = np.cumsum(counts[filled]) / count
    left_errors = np.cumsum(errors[filled]) / total
    left = np.linspace(1, 0, FRACTIONS + 1)[:-1]
    sums = np.interp(left, np.append(0, left_counts), np.append(0, left_errors))
    return np.append(sums / left, left_errors[0] / left_counts[0])
