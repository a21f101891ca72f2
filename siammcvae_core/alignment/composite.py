# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The model's answer carried out at native size: candidates moved, weighed, summed.

Every map of the answer is bilinear between its cells; only the lost pixels and those around them
are computed.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.alignment.features import AlignmentFeatures
from siammcvae_core.motion.references import FINEST, length, References, sample
from siammcvae_core.motion.regions import Region, region_of

CANDIDATES = ('moved', 'copy', 'smooth', 'smooth_x', 'smooth_y')
SMOOTH = {'smooth': (3, 3), 'smooth_x': (7, 1), 'smooth_y': (1, 7)}
"""Width and height in pixels of the boxes that smooth the moved reference: for motion in doubt, a
little in both directions or more in one."""
SMOOTH_REACH = max(max(size) for size in SMOOTH.values()) // 2
SHARP = cv2.INTER_CUBIC  # where motion is corrected, bilinear blur would be the larger error
COLOUR_UNIT = 5.0  # grey levels
STRIP = 64  # rows that are summed at a time: what is made on the way stays in the cache


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network says of every cell, float32 (.., rows, columns) each.

    `correction` (2, ..) is added to the offset, in working pixels as (x, y); `weights` (5, ..) of
    the candidates, summing to 1; `colour` (3, ..) is added, BGR in COLOUR_UNITs; `log_scale` (..)
    is the logarithm of the expected absolute error in grey levels.
    """

    correction: np.ndarray
    weights: np.ndarray
    colour: np.ndarray
    log_scale: np.ndarray


def blend(
    references: References, features: AlignmentFeatures, answer: Prediction, mask: np.ndarray
) -> np.ndarray:
    """Restore the lost pixels, bool (H, W); a new frame like the kept ones, undefined elsewhere."""
    newest = references.frames[0].frame
    region = region_of(mask, SMOOTH_REACH)
    moved = _moved(newest, features.aligned, answer.correction, region)
    candidates = {'moved': moved, 'copy': region.cut(newest)}
    for name, extent in SMOOTH.items():
        candidates[name] = cv2.blur(moved, extent, borderType=cv2.BORDER_REPLICATE)
    total = _colour(answer.colour, newest.ndim, region)
    weights = [region.of(plane) for plane in answer.weights]
    pixels = np.empty_like(moved)
    for start in range(0, region.height, STRIP):
        rows = slice(start, start + STRIP)
        for name, weight in zip(CANDIDATES, weights, strict=True):
            share = weight[rows] if newest.ndim == 2 else cv2.merge([weight[rows]] * 3)
            candidate = candidates[name][rows].astype(np.float32)
            cv2.accumulateProduct(candidate, share, total[rows])
        cv2.convertScaleAbs(cv2.max(total[rows], 0), pixels[rows])
    restored = np.empty_like(newest)
    region.put(pixels, restored)
    return restored


def expected_error(
    features: AlignmentFeatures,
    answer: Prediction,
    mask: np.ndarray,
    before: np.ndarray | None = None,
) -> np.ndarray:
    """Give the expected absolute error, float32 (H, W) in grey levels, 0 where intact.

    `before`, likewise, is that of the newest reference if it was itself restored: it moves with it
    and adds to it, as an independent one.
    """
    size = mask.shape[::-1]
    error = cv2.resize(np.exp(answer.log_scale), size)
    if before is not None:
        there = features.aligned / np.float32(FINEST)
        working = cv2.resize(before, there.shape[1::-1], interpolation=cv2.INTER_AREA)
        moved = cv2.resize(sample(working, there), size)
        error = length(error, moved)
    return error * mask


def _moved(
    frame: np.ndarray, offset: np.ndarray, correction: np.ndarray, region: Region
) -> np.ndarray:
    """Move a frame by an offset, (.., 2) in working pixels, and its correction, (2, ..)."""
    height, width = frame.shape[:2]
    rows, columns = (FINEST * side for side in offset.shape[:2])
    x, y = (region.of(offset[..., k]) + region.of(correction[k]) for k in (0, 1))
    x *= np.float32(width / columns)
    y *= np.float32(height / rows)
    return region.moved(frame, x, y, SHARP)


def _colour(colour: np.ndarray, dimensions: int, region: Region) -> np.ndarray:
    planes = np.float32(COLOUR_UNIT) * colour
    if dimensions == 2:
        return np.ascontiguousarray(region.of(planes.mean(0)))
    return np.ascontiguousarray(region.of(cv2.merge(list(planes))))
