# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Block matching: visible patches searched for in the reference, their motion filled into the hole.

From coarse to fine, the reference R warped by the present estimate of the motion is compared with
the visible pixels (v = 1) of each patch of the frame I, at every shift s of a square window, by

    cost(s) = sum of v min(|I(x) - R(x + s)|, 40) / sum of v  +  0.2 |s|

The best shift, refined between pixels by a parabola through its neighbours, corrects the estimate
(`flow_filling.fill`). Unlike dense flow this sees nothing of the hole and finds motion far from the
estimate. The constants were chosen on training clips.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.baselines.flow_filling import CELL, fill, VisibleFlow
from siammcvae_core.motion.references import References
from siammcvae_core.motion.warp import warp_frame

SHIFT_COST = 0.2  # grey levels per working pixel of the shift: decides in flat areas
LARGEST_DIFFERENCE = 40  # grey levels; limits the influence of outliers
SHARPNESS = 8.0  # curvature of the cost, grey levels per px², at which confidence is half
FLAT_CONFIDENCE = 0.02  # of a match without curvature
RESIDUAL = 10.0  # cost of the best match, grey levels, at which confidence is half
FADE = 0.03  # the final flow corrects near visible pixels only; deep in holes matches are better


@dataclass(frozen=True)
class SearchLevel:
    """A pass of the search: images reduced by `scale`, shifts up to `radius` of their pixels.

    Patches are `cells` cells wide; `sigma`, in working pixels, is that of the blur by which shifts
    fill the hole.
    """

    scale: int
    radius: int
    cells: int
    sigma: float


LEVELS = (SearchLevel(4, 6, 7, 48), SearchLevel(2, 3, 5, 24), SearchLevel(1, 2, 3, 24))


def block_match(
    references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
) -> np.ndarray:
    """Search for visible patches around the constant-velocity motion of the references.

    With one reference the search starts at zero motion. With nothing visible this is constant
    velocity, or a copy.
    """
    reference, motion = references.frames[0], references.newest(2).motion
    if motion is None:
        offset = np.zeros((*reference.grey.shape, 2), np.float32)
    else:
        offset = motion.displacement(stamp)
    visible = VisibleFlow.of(frame, mask, reference.grey)
    if visible.any:
        for level in LEVELS:
            composite, warped = visible.composite(offset)
            shifts, confidence = match(composite, warped, visible.seen, level)
            offset = offset + fill(shifts, confidence, level.sigma, size=warped.shape)
        offset = visible.refine(offset, FADE)
    return warp_frame(reference.frame, offset, mask)


def match(
    image: np.ndarray, warped: np.ndarray, seen: np.ndarray, level: SearchLevel
) -> tuple[np.ndarray, np.ndarray]:
    """Find where in `warped` the patches of `image` are, both uint8 (h, w).

    Only pixels of `image` where `seen`, float32 (h, w), is 1 count. Returns shifts, float32
    (rows, columns, 2) as (x, y) in pixels of `image`, and their confidence, float32 (rows,
    columns), for a grid of CELLs.
    """
    cost, weight = _costs(image, warped, seen, level)
    span = 2 * level.radius + 1
    height, width = image.shape
    pixel = width / max(1, width // level.scale), height / max(1, height // level.scale)
    y, x = np.mgrid[-level.radius : level.radius + 1, -level.radius : level.radius + 1]
    length = np.hypot(x * pixel[0], y * pixel[1]).astype(np.float32)
    cost += SHIFT_COST * length.reshape(-1, 1, 1)
    best = cost.argmin(0)
    least = _at(cost, best)
    row, column = np.divmod(best, span)
    dx, curvature_x = _parabola(cost, best, least, 1, column, span)
    dy, curvature_y = _parabola(cost, best, least, span, row, span)
    shift_x, shift_y = column - level.radius + dx, row - level.radius + dy
    shifts = np.dstack([shift_x * pixel[0], shift_y * pixel[1]]).astype(np.float32)
    curvature, residual = np.minimum(curvature_x, curvature_y), least / RESIDUAL
    distinct = FLAT_CONFIDENCE + curvature / (curvature + SHARPNESS)
    confidence = distinct / (1 + residual * residual)
    return shifts, weight * confidence


def _costs(
    image: np.ndarray, warped: np.ndarray, seen: np.ndarray, level: SearchLevel
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the first term of the cost for every shift, (span², rows, columns).

    Also returns the visible share of each patch, (rows, columns).
    """
    height, width = image.shape
    size = max(1, width // level.scale), max(1, height // level.scale)
    grid = max(1, width // CELL), max(1, height // CELL)
    patch = level.cells, level.cells

    def per_patch(plane: np.ndarray) -> np.ndarray:
        cells = cv2.resize(plane, grid, interpolation=cv2.INTER_AREA)
        return cv2.blur(cells.astype(np.float32), patch)

    image, warped, seen = (
        cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (image, warped, seen)
    )
    whole = (seen > 0.99).view(np.uint8)
    weight = per_patch(whole.astype(np.float32))
    warped = cv2.copyMakeBorder(warped, *4 * (level.radius,), cv2.BORDER_REPLICATE)
    span = 2 * level.radius + 1
    cost = np.empty((span * span, *grid[::-1]), np.float32)
    for number in range(span * span):
        top, left = divmod(number, span)
        shifted = warped[top : top + size[1], left : left + size[0]]
        difference = cv2.min(cv2.absdiff(image, shifted), LARGEST_DIFFERENCE)
        cost[number] = per_patch(cv2.multiply(difference, whole))
    cost /= weight + 1e-3
    return cost, weight


def _parabola(
    cost: np.ndarray,
    best: np.ndarray,
    least: np.ndarray,
    step: int,
    position: np.ndarray,
    span: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a parabola along one axis: its minimum, in ±0.5, and its curvature.

        minimum = (before - after) / (2 curvature),    curvature = before + after - 2 least

    Both are 0 at the border of the window, where a neighbour is missing.
    """
    inside = (position > 0) & (position < span - 1)
    before, after = (_at(cost, best + np.where(inside, shift, 0)) for shift in (-step, step))
    curvature = np.where(inside, before + after - 2 * least, 0)
    minimum = np.clip((before - after) / (2 * np.maximum(curvature, 1e-3)), -0.5, 0.5)
    return minimum, curvature


def _at(cost: np.ndarray, index: np.ndarray) -> np.ndarray:
    return np.take_along_axis(cost, index[None], 0)[0]
