# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Visible patches searched for in the reference, their motion filled into the hole, then refined.

From coarse to fine the reference, moved by the motion believed so far, is compared at every shift
within reach with the visible pixels of a patch. The best shift, refined between pixels by a
parabola through its neighbours, corrects the belief. Unlike dense flow this sees nothing of the
hole and finds motion far from the belief. The constants were chosen on training clips.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.baselines.flow_filling import CELL, spread, VisibleFlow
from siammcvae_core.motion.references import move, References

SHIFT_COST = 0.2  # grey levels per working pixel away from the belief: settles flat areas
LARGEST_DIFFERENCE = 40  # grey levels; what differs more tells no more
SHARPNESS = 8.0  # curvature of the cost, grey levels per px², at which a match is half trusted
FLAT_TRUST = 0.02  # what a match without curvature is worth
MISFIT = 10.0  # mean difference of the best match in grey levels at which it is half trusted
FADE = 0.03  # refinement is for what is near; deep in large holes the matches know better


@dataclass(frozen=True)
class SearchLevel:
    """A pass of the search: images reduced by `scale`, shifts up to `reach` of their pixels.

    Patches are `cells` cells wide; `sigma` in working pixels is how far matches are spread.
    """

    scale: int
    reach: int
    cells: int
    sigma: float


LEVELS = (SearchLevel(4, 6, 7, 48), SearchLevel(2, 3, 5, 24), SearchLevel(1, 2, 3, 24))


def block_match(
    references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
) -> np.ndarray:
    """Search for visible patches around the constant-velocity motion of the kept pair.

    With one kept frame the search starts from rest. With nothing visible this is constant velocity,
    or a copy.
    """
    reference, motion = references.frames[0], references.motion
    if motion is None:
        offset = np.zeros((*reference.grey.shape, 2), np.float32)
    else:
        offset = motion.displacement(stamp)
    evidence = VisibleFlow.of(frame, mask, reference.grey)
    if evidence.any:
        for level in LEVELS:
            composite, moved = evidence.composite(offset)
            shifts, confidence = match(composite, moved, evidence.seen, level)
            offset = offset + spread(shifts, confidence, level.sigma, size=moved.shape)
        offset = evidence.refine(offset, FADE)
    return move(reference.frame, offset, mask)


def match(
    image: np.ndarray, moved: np.ndarray, seen: np.ndarray, level: SearchLevel
) -> tuple[np.ndarray, np.ndarray]:
    """Find where in `moved` the patches of `image` are, both uint8 (h, w).

    Only pixels of `image` where `seen`, float32 (h, w), is 1 count. Returns shifts, float32
    (rows, columns, 2) as (x, y) in pixels of `image`, and their confidence, float32 (rows,
    columns), for a grid of CELLs.
    """
    cost, weight = _costs(image, moved, seen, level)
    span = 2 * level.reach + 1
    height, width = image.shape
    pixel = width / max(1, width // level.scale), height / max(1, height // level.scale)
    y, x = np.mgrid[-level.reach : level.reach + 1, -level.reach : level.reach + 1]
    far = np.hypot(x * pixel[0], y * pixel[1]).astype(np.float32)
    cost += SHIFT_COST * far.reshape(-1, 1, 1)
    best = cost.argmin(0)
    least = _at(cost, best)
    row, column = np.divmod(best, span)
    dx, bend_x = _between(cost, best, least, 1, column, span)
    dy, bend_y = _between(cost, best, least, span, row, span)
    shift_x, shift_y = column - level.reach + dx, row - level.reach + dy
    shifts = np.dstack([shift_x * pixel[0], shift_y * pixel[1]]).astype(np.float32)
    bend, misfit = np.minimum(bend_x, bend_y), least / MISFIT
    trust = (FLAT_TRUST + bend / (bend + SHARPNESS)) / (1 + misfit * misfit)
    return shifts, weight * trust


def _costs(
    image: np.ndarray, moved: np.ndarray, seen: np.ndarray, level: SearchLevel
) -> tuple[np.ndarray, np.ndarray]:
    """Mean difference for every shift, (span², rows, columns), and the visible share of patches."""
    height, width = image.shape
    size = max(1, width // level.scale), max(1, height // level.scale)
    grid = max(1, width // CELL), max(1, height // CELL)
    patch = level.cells, level.cells

    def per_patch(plane: np.ndarray) -> np.ndarray:
        cells = cv2.resize(plane, grid, interpolation=cv2.INTER_AREA)
        return cv2.blur(cells.astype(np.float32), patch)

    image, moved, seen = (
        cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (image, moved, seen)
    )
    whole = (seen > 0.99).view(np.uint8)
    weight = per_patch(whole.astype(np.float32))
    moved = cv2.copyMakeBorder(moved, *4 * (level.reach,), cv2.BORDER_REPLICATE)
    span = 2 * level.reach + 1
    cost = np.empty((span * span, *grid[::-1]), np.float32)
    for number in range(span * span):
        top, left = divmod(number, span)
        shifted = moved[top : top + size[1], left : left + size[0]]
        difference = cv2.min(cv2.absdiff(image, shifted), LARGEST_DIFFERENCE)
        cost[number] = per_patch(cv2.multiply(difference, whole))
    cost /= weight + 1e-3
    return cost, weight


def _between(
    cost: np.ndarray,
    best: np.ndarray,
    least: np.ndarray,
    step: int,
    position: np.ndarray,
    span: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a parabola along one axis: where its lowest point lies, in ±0.5, and its curvature.

    Both are 0 at the rim of the search, where a neighbour is missing.
    """
    inside = (position > 0) & (position < span - 1)
    before, after = (_at(cost, best + np.where(inside, move, 0)) for move in (-step, step))
    bend = np.where(inside, before + after - 2 * least, 0)
    offset = np.clip((before - after) / (2 * np.maximum(bend, 1e-3)), -0.5, 0.5)
    return offset, bend


def _at(cost: np.ndarray, index: np.ndarray) -> np.ndarray:
    return np.take_along_axis(cost, index[None], 0)[0]
