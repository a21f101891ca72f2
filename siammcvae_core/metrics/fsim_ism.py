# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""FSIM as the package image-similarity-measures 0.3.6 computes it; the paper's numbers look alike.

    FSIM = mean over bands of  sum S(P_x, P_y) S(G_x, G_y) w / sum w,    w = max(P_x, P_y)

with P, G and S as in `fsim`. It differs from Zhang's FSIM and is far lower:
1. every colour band is scored by itself; there is no luminance;
2. 6 orientations with cosine wedges, whose congruencies (Kovesi's phasecong3, with its weight for
   spread of frequencies and its noise estimate) are summed: 0 to 6 instead of 0 to 1;
3. filters have a bandwidth of 0.5978 instead of 0.55;
4. gradients are 16 times Zhang's, in 16 unsigned bits: negative ones become 0 and the sum of
   squares wraps at 65536;
5. frames are not averaged down.
"""

from dataclasses import dataclass
from functools import lru_cache
import math

import cv2
import numpy as np

from siammcvae_core.metrics.fsim import similarity, T1, T2, weighted_mean
from siammcvae_core.metrics.log_gabor import LogGabor, noise_threshold, SCALES, TINY
from siammcvae_core.metrics.pair import check_single, feature_pair, SMALLEST

ORIENTATIONS, BANDWIDTH = 6, 0.5978
SPREAD_CUTOFF, SPREAD_GAIN = 0.5, 10.0  # sigmoid over the share of scales that respond
# Noise falls by half per scale, so all scales together have this much of the finest one's.
NOISE_OF_SCALES = sum(0.5**scale for scale in range(SCALES))


@dataclass(frozen=True)
class IsmFeatures:
    """What is compared: phase congruency (0 to 6) and gradient (H, W) of every band of a frame."""

    shape: tuple[int, ...]
    bands: tuple[tuple[np.ndarray, np.ndarray], ...]


def ism_features(frame: np.ndarray) -> IsmFeatures:
    """Extract the features of a uint8 frame, (H, W, 3) or (H, W), at least 11 px per side.

    Raises InputError for anything else.
    """
    check_single(frame, SMALLEST)
    return IsmFeatures(
        frame.shape, tuple((_congruency(band), _gradient(band)) for band in cv2.split(frame))
    )


def fsim_ism(
    restored: np.ndarray | IsmFeatures,
    truth: np.ndarray | IsmFeatures,
    mask: np.ndarray | None = None,
) -> float:
    """Feature similarity of that package, 1 for equal frames; for comparison with the paper only.

    Frames as of `ism_features`, or their features, both of one shape. With `mask`, bool (H, W),
    only its True pixels count, while features are those of the whole frame; NaN if there are none.
    Raises InputError for anything else.
    """
    x, y = feature_pair(restored, truth, mask, ism_features)
    scores = []
    for (congruency_x, gradient_x), (congruency_y, gradient_y) in zip(
        x.bands, y.bands, strict=True
    ):
        similarities = similarity(congruency_x, congruency_y, T1)
        similarities *= similarity(gradient_x, gradient_y, T2)
        scores.append(weighted_mean(similarities, np.maximum(congruency_x, congruency_y), mask))
    return sum(scores) / len(scores)


def _gradient(band: np.ndarray) -> np.ndarray:
    """Gradient magnitude with the overflows of difference 4: float64 (H, W)."""
    along_x, along_y = (
        np.maximum(cv2.Scharr(band, cv2.CV_16S, *order), 0).astype(np.uint16)
        for order in ((1, 0), (0, 1))
    )
    return np.sqrt(along_x * along_x + along_y * along_y, dtype=np.float64)


def _congruency(band: np.ndarray) -> np.ndarray:
    """Phase congruency of a band (H, W), summed over orientations."""
    plane = band.astype(np.float64)
    total = np.zeros_like(plane)
    for energy, amplitudes in _filters(plane.shape).responses(plane):
        rayleigh = float(np.median(amplitudes[0])) / math.sqrt(math.log(4)) * NOISE_OF_SCALES
        amplitude = amplitudes.sum(axis=0)
        spread = (amplitude / (amplitudes.max(axis=0) + TINY) - 1) / (SCALES - 1)
        weight = 1 / (1 + np.exp(SPREAD_GAIN * (SPREAD_CUTOFF - spread)))
        total += weight * np.maximum(energy - noise_threshold(rayleigh), 0) / (amplitude + TINY)
    return total


@lru_cache(maxsize=2)
def _filters(size: tuple[int, int]) -> LogGabor:
    def wedge(turn: np.ndarray) -> np.ndarray:
        return (np.cos(np.minimum(turn * ORIENTATIONS / 2, math.pi)) + 1) / 2

    return LogGabor(size, ORIENTATIONS, BANDWIDTH, wedge)
