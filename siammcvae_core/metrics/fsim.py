# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""FSIM and FSIMc (Zhang et al. 2011): similarity of phase congruency and gradients.

With P the phase congruency, G the gradient magnitude, I and Q the chroma and S(a, b) the similarity
(2 a b + T) / (a^2 + b^2 + T) of two maps,

    FSIMc(x, y) = sum S(P_x, P_y) S(G_x, G_y) [S(I_x, I_y) S(Q_x, Q_y)]^0.03 w / sum w

over all pixels, weighted by w = max(P_x, P_y); FSIM leaves the chroma out. Follows the
authors' FeatureSIM.m as piq does: luminance and chroma are YIQ, frames are averaged down to about
256 px on the short side, phase congruency has 4 scales and 4 orientations.
"""

from dataclasses import dataclass
from functools import lru_cache
import math

import cv2
import numpy as np

from siammcvae_core.metrics.log_gabor import LogGabor, noise_threshold, TINY
from siammcvae_core.metrics.pair import check_single, feature_pair, SMALLEST

ORIENTATIONS, BANDWIDTH = 4, 0.55
WEDGE = math.pi / (ORIENTATIONS * 1.2)  # standard deviation in radians
OVERESTIMATE = 1.7  # factor by which the noise estimate is too high for this measure
T1, T2, T3, T4 = 0.85, 160.0, 200.0, 200.0  # congruency, gradient, I, Q
CHROMA_POWER = 0.03
WORKING_SIDE = 256
YIQ_FROM_BGR = np.array(
    ((0.114, 0.587, 0.299), (-0.3213, -0.2746, 0.5959), (0.3112, -0.5227, 0.2115))
)


@dataclass(frozen=True)
class FsimFeatures:
    """What FSIM compares, at working size (h, w); reuse it for a frame that is compared often.

    `chroma` is I and Q, or empty for a grey frame; `shape` is that of the frame.
    """

    shape: tuple[int, ...]
    congruency: np.ndarray
    gradient: np.ndarray
    chroma: tuple[np.ndarray, ...]


def fsim_features(frame: np.ndarray) -> FsimFeatures:
    """Extract the features of a uint8 frame, (H, W, 3) BGR or (H, W), at least 11 px per side.

    Raises InputError for anything else.
    """
    check_single(frame, SMALLEST)
    pooled = _pool(frame)
    yiq = pooled if frame.ndim == 2 else cv2.transform(pooled, YIQ_FROM_BGR)
    luminance, *chroma = cv2.split(yiq)
    along_x, along_y = (
        cv2.Scharr(luminance, -1, *order, scale=1 / 16, borderType=cv2.BORDER_CONSTANT)
        for order in ((1, 0), (0, 1))
    )
    gradient = cv2.magnitude(along_x, along_y)
    return FsimFeatures(frame.shape, _congruency(luminance), gradient, tuple(chroma))


def fsim(
    restored: np.ndarray | FsimFeatures,
    truth: np.ndarray | FsimFeatures,
    mask: np.ndarray | None = None,
) -> float:
    """Feature similarity of luminance, 1 for equal frames.

    Frames as of `fsim_features`, or their features, both of one shape. With `mask`, bool (H, W),
    a working pixel counts by how much of it is lost, while its features are those of the whole
    frame; NaN if nothing is lost. Raises InputError for anything else.
    """
    x, y = feature_pair(restored, truth, mask, fsim_features)
    return _score(_structure_similarity(x, y), x, y, mask)


def fsimc(
    restored: np.ndarray | FsimFeatures,
    truth: np.ndarray | FsimFeatures,
    mask: np.ndarray | None = None,
) -> float:
    """FSIM with the similarity of chroma; of grey frames it is FSIM. Arguments as of `fsim`."""
    x, y = feature_pair(restored, truth, mask, fsim_features)
    similarities = _structure_similarity(x, y)
    if x.chroma:
        i, q = (similarity(*planes) for planes in zip(x.chroma, y.chroma, (T3, T4), strict=True))
        similarities *= np.abs(i * q) ** CHROMA_POWER
    return _score(similarities, x, y, mask)


def similarity(x: np.ndarray, y: np.ndarray, constant: float) -> np.ndarray:
    """Compute S of two maps: (2xy + c) / (x² + y² + c), 1 where they are equal."""
    return (2 * x * y + constant) / (x * x + y * y + constant)


def weighted_mean(values: np.ndarray, weights: np.ndarray, share: np.ndarray | None) -> float:
    """Mean of `values` by `weights` times `share`, plain by share where no weight is above 0.

    NaN if all of `share` is 0; None counts every pixel in full.
    """
    if share is not None:
        if not share.any():
            return math.nan
        weights = weights * share
    if not weights.any():
        weights = np.ones_like(values) if share is None else share
    return float(np.average(values, weights=weights))


def _structure_similarity(x: FsimFeatures, y: FsimFeatures) -> np.ndarray:
    return similarity(x.congruency, y.congruency, T1) * similarity(x.gradient, y.gradient, T2)


def _score(
    similarities: np.ndarray, x: FsimFeatures, y: FsimFeatures, mask: np.ndarray | None
) -> float:
    share = None if mask is None else _pool(mask)
    return weighted_mean(similarities, np.maximum(x.congruency, y.congruency), share)


def _pool(image: np.ndarray) -> np.ndarray:
    """Average cells of F x F px, F = round(short side / 256); incomplete cells are left out."""
    height, width = image.shape[:2]
    cell = max(1, round(min(height, width) / WORKING_SIDE))
    if cell == 1:
        return image.astype(np.float64)
    rows, cols = height // cell, width // cell
    cells = image[: rows * cell, : cols * cell].reshape(rows, cell, cols, cell, *image.shape[2:])
    return cells.mean(axis=(1, 3), dtype=np.float64)


def _congruency(plane: np.ndarray) -> np.ndarray:
    """Phase congruency of a plane (h, w), 0 to 1."""
    bank, noise_gains = _filters(plane.shape)
    energy_sum, amplitude_sum = np.zeros_like(plane), np.full_like(plane, TINY)
    for (energy, amplitudes), gain in zip(bank.responses(plane), noise_gains, strict=True):
        # The finest scale is mostly noise, and its squared amplitude then exponential.
        noise_power = float(np.median(amplitudes[0] ** 2)) / math.log(2)
        threshold = noise_threshold(math.sqrt(noise_power * gain)) / OVERESTIMATE
        energy -= threshold
        energy_sum += np.maximum(energy, 0, out=energy)
        for amplitude in amplitudes:
            amplitude_sum += amplitude
    return energy_sum / amplitude_sum


@lru_cache(maxsize=4)
def _filters(size: tuple[int, int]) -> tuple[LogGabor, list[float]]:
    """Return the filters and, per orientation, noise power of all scales over the finest one's."""
    bank = LogGabor(size, ORIENTATIONS, BANDWIDTH, lambda turn: np.exp(-(turn**2) / (2 * WEDGE**2)))
    gains = []
    for wedge in bank.wedges:
        combined = bank.rings.sum(axis=0) * wedge
        # The real part of a kernel is the half of its spectrum that is even in frequency.
        even = (combined + np.roll(combined[::-1, ::-1], 1, axis=(0, 1))) / 2
        gains.append(float((even**2).sum() / ((bank.rings[0] * wedge) ** 2).sum()))
    return bank, gains
