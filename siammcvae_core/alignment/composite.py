# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The composite at native size that the network's prediction describes.

With the newest reference R, the aligned displacement d, and the predicted correction Δ, weights w_k
of the candidates C_k and colour c, a lost pixel p becomes

    restored(p) = sum_k w_k(p) C_k(p) + COLOUR_UNIT c(p),    C_copy(p) = R(p),
    C_warped(p) = R(p + d(p) + Δ(p)),                        C_smooth = box mean of C_warped

and its expected absolute error, with e_R that of a reference which was itself restored (else 0),

    e(p) = sqrt(exp(log_scale(p))² + e_R(p + d(p))²)

where the network's error is taken as Laplacian of scale exp(log_scale). Every predicted field is
bilinear between its cells; only the lost pixels and those around them are computed.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.alignment.features import AlignmentFeatures
from siammcvae_core.motion.images import magnitude, resize_area
from siammcvae_core.motion.references import References, STRIDE
from siammcvae_core.motion.regions import Region, region_of
from siammcvae_core.motion.warp import warp

CANDIDATES = ('warped', 'copy', 'smooth', 'smooth_x', 'smooth_y')
SMOOTH = {'smooth': (3, 3), 'smooth_x': (7, 1), 'smooth_y': (1, 7)}
"""Width and height in pixels of the box means: for uncertain motion, a little in both directions or
more in one."""
SMOOTH_MARGIN = max(max(size) for size in SMOOTH.values()) // 2
COLOUR_UNIT = 5.0  # grey levels
STRIP = 64  # rows that are summed at a time, so that intermediate results stay in the cache


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network predicts for every cell, float32 (.., rows, columns) each.

    `correction` (2, ..) is added to the displacement, in working pixels as (x, y); `weights` (K,
    ..) of the first K CANDIDATES, summing to 1; `colour` (3, ..) is added, BGR in COLOUR_UNITs;
    `log_scale` (..) is the logarithm of the expected absolute error in grey levels.
    """

    correction: np.ndarray
    weights: np.ndarray
    colour: np.ndarray
    log_scale: np.ndarray


def composite(
    references: References, features: AlignmentFeatures, prediction: Prediction, mask: np.ndarray
) -> np.ndarray:
    """Restore the lost pixels, bool (H, W); a new frame like the newest, undefined elsewhere."""
    newest = references.frames[0].frame
    region = region_of(mask, SMOOTH_MARGIN)
    warped = _warped(newest, features.aligned, prediction.correction, region)
    names = CANDIDATES[: len(prediction.weights)]
    candidates = {'warped': warped, 'copy': region.cut(newest)}
    for name in names[2:]:
        candidates[name] = cv2.blur(warped, SMOOTH[name], borderType=cv2.BORDER_REPLICATE)
    total = _colour(prediction.colour, newest.ndim, region)
    weights = [region.interpolate(plane) for plane in prediction.weights]
    pixels = np.empty_like(warped)
    for start in range(0, region.height, STRIP):
        rows = slice(start, start + STRIP)
        for name, weight in zip(names, weights, strict=True):
            share = weight[rows] if newest.ndim == 2 else cv2.merge([weight[rows]] * 3)
            candidate = candidates[name][rows].astype(np.float32)
            cv2.accumulateProduct(candidate, share, total[rows])
        cv2.convertScaleAbs(cv2.max(total[rows], 0), pixels[rows])
    restored = np.empty_like(newest)
    region.put(pixels, restored)
    return restored


def expected_error(
    features: AlignmentFeatures,
    prediction: Prediction,
    mask: np.ndarray,
    reference_error: np.ndarray | None = None,
) -> np.ndarray:
    """Compute the expected absolute error, float32 (H, W) in grey levels, 0 where intact.

    `reference_error`, likewise, is that of the newest reference if it was itself restored: it is
    warped with it, and added as an independent one.
    """
    size = mask.shape[::-1]
    error = cv2.resize(np.exp(prediction.log_scale), size)
    if reference_error is not None:
        displacement = features.aligned / np.float32(STRIDE)
        reduced = resize_area(reference_error, displacement.shape[1::-1])
        error = magnitude(error, cv2.resize(warp(reduced, displacement), size))
    return error * mask


def _warped(
    frame: np.ndarray, displacement: np.ndarray, correction: np.ndarray, region: Region
) -> np.ndarray:
    """Warp a frame by a displacement, (.., 2) in working pixels, and its correction, (2, ..).

    Bicubic: where motion is corrected, bilinear blur would be the larger error.
    """
    height, width = frame.shape[:2]
    rows, columns = (STRIDE * side for side in displacement.shape[:2])
    x, y = (
        region.interpolate(displacement[..., k]) + region.interpolate(correction[k]) for k in (0, 1)
    )
    native = cv2.merge([x * np.float32(width / columns), y * np.float32(height / rows)])
    return warp(frame, native, region.pixels(), cv2.INTER_CUBIC)


def _colour(colour: np.ndarray, dimensions: int, region: Region) -> np.ndarray:
    """Interpolate the colour (3, ..), in grey levels; for a grey frame its mean."""
    planes = np.float32(COLOUR_UNIT) * colour
    if dimensions == 2:
        return np.ascontiguousarray(region.interpolate(planes.mean(0)))
    return np.ascontiguousarray(region.interpolate(cv2.merge(list(planes))))
