# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pixel-wise errors of a restored frame x to the true frame y, over all pixels or the lost ones.

With n the number of pixels times channels,

    MSE = sum (x - y)^2 / n      MAE = sum |x - y| / n      PSNR = 10 log10(255^2 / MSE) dB
"""

import math

import numpy as np

from siammcvae_core.metrics.pair import check_pair

PSNR_CAP = 100.0  # dB, of equal frames


def mse(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Mean squared error in squared grey levels.

    Frames are uint8 of one shape, (H, W, 3) or (H, W). With `mask`, bool (H, W), only its True
    pixels count; NaN if there are none. Raises InputError for anything else.
    """
    return _mean(np.square(_difference(restored, truth, mask)))


def mae(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Mean absolute error in grey levels; arguments as of `mse`."""
    return _mean(np.abs(_difference(restored, truth, mask)))


def psnr(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio in dB, at most PSNR_CAP; arguments as of `mse`."""
    error = mse(restored, truth, mask)
    if error < 255**2 / 10 ** (PSNR_CAP / 10):
        return PSNR_CAP
    return 10 * math.log10(255**2 / error)


def _difference(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    check_pair(restored, truth, mask)
    if mask is not None:
        restored, truth = restored[mask], truth[mask]
    return np.subtract(restored, truth, dtype=np.int32)


def _mean(errors: np.ndarray) -> float:
    return float(errors.mean()) if errors.size else math.nan
