# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Structural similarity (Wang et al. 2004, eq. 13), per channel, mean over pixels and channels.

With means mu, variances and covariance s under a Gaussian window of 11 x 11 px and sigma 1.5,

    SSIM(x, y) = (2 mu_x mu_y + C1) (2 s_xy + C2) / ((mu_x^2 + mu_y^2 + C1) (s_x^2 + s_y^2 + C2))

where C1 = (0.01 * 255)^2 and C2 = (0.03 * 255)^2, and s are of the population. Equal to
scikit-image's with gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255;
there is no down-sampling.
"""

import math

import cv2
import numpy as np

from siammcvae_core.metrics.pair import check_pair, check_single, SMALLEST

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
MARGIN = SMALLEST // 2  # px where the window leaves the frame
WINDOW = cv2.getGaussianKernel(SMALLEST, 1.5, cv2.CV_64F)


def ssim(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Structural similarity, at most 1 for equal frames; mean over pixels and channels.

    Frames are uint8 of one shape, (H, W, 3) or (H, W), at least 11 px per side. The mean leaves out
    the 5 px margin where the window sees mirrored pixels. With `mask`, bool (H, W), it is over
    the True pixels, margin included, though each still uses its 11 x 11 neighbourhood; NaN if
    there are none. Raises InputError for anything else.
    """
    check_pair(restored, truth, mask)
    check_single(truth, SMALLEST)
    similarity = _similarity(restored.astype(np.float64), truth.astype(np.float64))
    if mask is None:
        return float(similarity[MARGIN:-MARGIN, MARGIN:-MARGIN].mean())
    return float(similarity[mask].mean()) if mask.any() else math.nan


def _similarity(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute SSIM at every pixel, float64 of the shape of both frames."""
    mean_x, mean_y = _smooth(x), _smooth(y)
    product, power = mean_x * mean_y, mean_x**2 + mean_y**2
    covariance = _smooth(x * y) - product
    variances = _smooth(x**2 + y**2) - power
    luminance = (2 * product + C1) / (power + C1)
    structure = (2 * covariance + C2) / (variances + C2)
    return luminance * structure


def _smooth(plane: np.ndarray) -> np.ndarray:
    return cv2.sepFilter2D(plane, -1, WINDOW, WINDOW, borderType=cv2.BORDER_REFLECT)
