# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The network's features of a hole: alignment, residuals and candidates, as one image of channels.

A cell is a square of `cell` working pixels along its side, 4 or 8 as the model's profile says.
Every second pixel of every second row is computed. What is visible around is extended into the hole
by normalised convolution (Knutsson and Westin 1993) with Gaussians G of several widths, where v is
1 at visible pixels and 0 elsewhere, so that what is lost has no influence:

    extend(q) = (G * (v q)) / (G * v)

The channels of a cell, with R the aligned grey reference, r = I - R the residual where visible, and
L(q, s) = sign(q) log(1 + |q| / s) the signed logarithm:

    row, column                      of its centre in the frame, from -1 to 1
    visible, visible_near, _far      share of v in the cell, and G * v around it
    blue, green, red                 colour of R in units of 60 grey levels, 0 at level 110
    residual_blue, _green, _red      L(mean r of the colour, 5)
    error, _copy, _velocity          log(1 + mean |r|) in grey levels, for the aligned reference,
                                     the unwarped one and that carried on by `Motion`
    error, error_copy, bias _near    the same extended from around, and L(extend(r), 2)
    shift_x_k, shift_y_k             step in px that lowers the residuals around: Gauss-Newton,
                                     local, see `align`, with the k-th of SHIFTS
    xx_k, yy_k                       log(1 + G * w g²), grey levels² per px²: its certainty
    contrast                         log(1 + mean |g|²) of R
    difference_copy, .._smooth       log(1 + mean |R - candidate|) in grey levels
    offset_x, offset_y               L(displacement, 2 px)
    change_x, change_y               L(its change from that of `Motion`, 1 px)
    offset_gradient                  log(1 + 4 (|grad d_x| + |grad d_y|))
    outside                          by how many patches it leads out of the frame, from -1 to 2
    age                              log of the age ratio of `Motion`
"""

from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.alignment.align import (
    align,
    CONTEXT_MARGIN,
    normal_equations,
    robust_weight,
    solve,
    subsample,
)
from siammcvae_core.motion.flow import PATCH, to_working
from siammcvae_core.motion.images import gradients, magnitude, resize_area
from siammcvae_core.motion.rectangle import Rectangle
from siammcvae_core.motion.references import References, STRIDE
from siammcvae_core.motion.warp import warp

MARGIN = 2  # patches around the hole for which features are computed
NEAR, FAR = 12.0, 32.0  # standard deviations in working pixels of the Gaussians that extend errors
SHIFTS = ((4.0, 2.0), (10.0, 1.0), (24.0, 0.5))  # local steps: σ of G in px, regularisation
ROBUST = 15.0  # grey levels of residual at which a pixel counts half
LEAST_VISIBLE = 0.05  # share of a cell below which it has no residual of its own
LEAST_SPREAD = 0.01  # G * v below which nothing is extended

CHANNELS = (
    'row', 'column', 'visible', 'visible_near', 'visible_far', 'blue', 'green', 'red',
    'residual_blue', 'residual_green', 'residual_red', 'error', 'error_copy', 'error_velocity',
    *(f'{name}_{extent}' for extent in ('near', 'far') for name in ('error', 'error_copy', 'bias')),
    *(f'{name}_{k}' for k in range(len(SHIFTS)) for name in ('shift_x', 'shift_y', 'xx', 'yy')),
    'contrast', 'difference_copy', 'difference_older', 'difference_velocity', 'difference_smooth',
    'offset_x', 'offset_y', 'change_x', 'change_y', 'offset_gradient', 'outside', 'age',
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class AlignmentFeatures:
    """What is computed of a damaged frame before the network.

    `aligned`, float32 (h / 2, w / 2, 2), is the displacement into the newest reference, as (x, y)
    in working pixels; `channels` are float32 (len(CHANNELS), h / cell, w / cell). Both are zero far
    from the hole. `damaged` is the damaged frame at working size; `lost` bool (h / 16, w / 16) is
    True for patches with a lost pixel; `source` int64 (patches,) is the patch of the newest
    reference that each patch is displaced to, row by row.
    """

    aligned: np.ndarray
    channels: np.ndarray
    damaged: np.ndarray
    lost: np.ndarray
    source: np.ndarray


def extract_features(
    references: References, frame: np.ndarray, mask: np.ndarray, stamp: float, cell: int
) -> AlignmentFeatures:
    """Compute the features of a damaged frame, uint8 like the references; `mask` bool (H, W).

    `cell` is the side of a cell in working pixels, even, a divisor of PATCH.

    Raises ValueError without two references of different stamps.
    """
    motion = references.motion
    if motion is None:
        raise ValueError('alignment needs two references of different stamps')
    newest, older = references.frames[:2]
    visible_map = visible(mask, newest.grey.shape[::-1])
    lost = lost_patches(visible_map)
    damaged = to_working(frame)
    grey = damaged if damaged.ndim == 2 else cv2.cvtColor(damaged, cv2.COLOR_BGR2GRAY)
    window, context = (
        Rectangle.around(lost, margin).enlarged(PATCH) for margin in (MARGIN, CONTEXT_MARGIN)
    )
    start = motion.displacement(stamp, context.reduced(STRIDE))
    coarse, cells = window.reduced(STRIDE), window.reduced(cell)
    straight = coarse.within(context.reduced(STRIDE)).cut(start)
    displacement = straight
    if visible_map.any():
        displacement = align(grey, visible_map, newest, start, window, context)
    pixels = window.pixels(STRIDE)
    to_older = displacement + warp(motion.flow, displacement, pixels)
    aligned, gradient_x, gradient_y, smooth = cv2.split(warp(newest.detail, displacement, pixels))
    candidates = {
        'warped': aligned,
        'smooth': smooth,
        'copy': subsample(newest.grey, window).astype(np.float32),
        'older': warp(older.grey, to_older, pixels).astype(np.float32),
        'velocity': warp(newest.grey, straight, pixels).astype(np.float32),
    }
    shown, now = subsample(visible_map, window), subsample(grey, window).astype(np.float32)
    share = _cells(shown, cell)
    errors, spread_shares = _errors(now, candidates, shown, share, cell)
    planes = [
        *_position(cells),
        share,
        *spread_shares,
        *_colours(
            subsample(damaged, window),
            warp(newest.working, displacement, pixels),
            shown,
            share,
            cell,
        ),
        *errors,
        *_shifts(now - aligned, (gradient_x, gradient_y), shown, cells, cell),
        *_differences(candidates, (gradient_x, gradient_y), cell),
        *_offsets(_cells(displacement, cell), _cells(straight, cell), cells, cell),
        np.full(cells.shape, np.log(max(motion.age_ratio(stamp), 0.1)), np.float32),
    ]
    channels = np.zeros((len(planes), *cells.size), np.float32)
    np.stack(planes, out=channels[:, cells.top : cells.bottom, cells.left : cells.right])
    whole = np.zeros((*coarse.size, 2), np.float32)
    coarse.put(displacement, whole)
    return AlignmentFeatures(whole, channels, damaged, lost, patch_sources(whole))


def visible(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """1 for working pixels without any part lost, else 0: float32 (h, w) of `size` (w, h)."""
    if mask.shape == size[::-1]:
        return (~mask).astype(np.float32)
    return (resize_area(mask.astype(np.float32), size) <= 0).astype(np.float32)


def lost_patches(visible_map: np.ndarray) -> np.ndarray:
    """Find patches with a pixel that is not visible, float32 (h, w): bool (rows, columns)."""
    rows, columns = (side // PATCH for side in visible_map.shape)
    return resize_area(visible_map, (columns, rows)) < 1


def patch_sources(displacement: np.ndarray) -> np.ndarray:
    """Find the patch of the reference that each patch is displaced to, int64 (N,).

    `displacement` float32 (h / 2, w / 2, 2) as (x, y) in working pixels; results are clipped to the
    frame.
    """
    columns, rows = (side * STRIDE // PATCH for side in displacement.shape[1::-1])
    means = resize_area(displacement, (columns, rows)) / PATCH
    column = np.clip(np.rint(np.arange(columns) + means[..., 0]), 0, columns - 1)
    row = np.clip(np.rint(np.arange(rows)[:, None] + means[..., 1]), 0, rows - 1)
    source: np.ndarray = (row * columns + column).astype(np.int64).reshape(-1)
    return source


def _cells(plane: np.ndarray, cell: int) -> np.ndarray:
    """Average a plane with STRIDE over cells."""
    height, width = plane.shape[:2]
    return resize_area(plane, (width * STRIDE // cell, height * STRIDE // cell))


def _position(cells: Rectangle) -> list[np.ndarray]:
    rows, columns = cells.size
    y, x = _indices(cells)
    return [(2 * y + 1) / rows - 1, (2 * x + 1) / columns - 1]


def _indices(cells: Rectangle) -> np.ndarray:
    """Row and column of each cell of the window in the frame, float32 (2, ..)."""
    grid: np.ndarray = np.mgrid[cells.top : cells.bottom, cells.left : cells.right]
    return grid.astype(np.float32)


def _colours(
    damaged: np.ndarray, warped: np.ndarray, shown: np.ndarray, share: np.ndarray, cell: int
) -> list[np.ndarray]:
    """Colours of the aligned reference, and residuals of the colours where visible."""
    if warped.ndim == 2:
        damaged, warped = (cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) for image in (damaged, warped))
    residual = cv2.subtract(damaged, warped, dtype=cv2.CV_32F) * shown[..., None]
    residual = _visible_mean(_cells(residual, cell), share[..., None])
    colours = (_cells(warped.astype(np.float32), cell) - 110) / 60
    return [*cv2.split(colours), *cv2.split(_signed_log(residual, 5))]


def _errors(
    grey: np.ndarray,
    candidates: dict[str, np.ndarray],
    shown: np.ndarray,
    share: np.ndarray,
    cell: int,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Errors of the references where visible, and those extended from around.

    Also returns the visible share around every cell, near and far.
    """
    residual = (grey - candidates['warped']) * shown
    error = _cells(np.abs(residual), cell)
    of_copy, of_velocity = (
        _cells(np.abs(grey - candidates[name]) * shown, cell) for name in ('copy', 'velocity')
    )
    inner = [np.log1p(_visible_mean(plane, share)) for plane in (error, of_copy, of_velocity)]
    summed = cv2.merge([share, error, of_copy, _cells(residual, cell)])
    shares, around = [], []
    for sigma in (NEAR, FAR):
        spread, *sums = cv2.split(cv2.GaussianBlur(summed, (0, 0), sigma / cell))
        enough, divisor = spread > LEAST_SPREAD, np.maximum(spread, LEAST_SPREAD)
        means = [np.where(enough, plane / divisor, 0) for plane in sums]
        shares.append(spread)
        around += [np.log1p(means[0]), np.log1p(means[1]), _signed_log(means[2], 2)]
    return [*inner, *around], shares


def _shifts(
    residual: np.ndarray,
    gradient: tuple[np.ndarray, np.ndarray],
    shown: np.ndarray,
    cells: Rectangle,
    cell: int,
) -> list[np.ndarray]:
    """Local Gauss-Newton steps from the visible pixels around a cell, and their certainty."""
    weight = shown * robust_weight(residual, ROBUST)
    equations = normal_equations(residual, weight, *gradient, cells.shape[::-1])
    planes = []
    for sigma, regularisation in SHIFTS:
        around = cv2.GaussianBlur(equations, (0, 0), sigma / cell)
        shift = np.clip(solve(around, regularisation), -3, 3)
        planes += [*cv2.split(shift), np.log1p(around[..., 0]), np.log1p(around[..., 2])]
    return planes


def _differences(
    candidates: dict[str, np.ndarray], gradient: tuple[np.ndarray, np.ndarray], cell: int
) -> list[np.ndarray]:
    """Contrast of the aligned reference, and how the other candidates differ from it."""
    warped = candidates['warped']
    gradient_x, gradient_y = gradient
    others = (candidates[name] for name in ('copy', 'older', 'velocity', 'smooth'))
    differences = [np.log1p(_cells(np.abs(warped - other), cell)) for other in others]
    energy = gradient_x * gradient_x + gradient_y * gradient_y
    return [np.log1p(_cells(energy, cell)), *differences]


def _offsets(
    offset: np.ndarray, straight: np.ndarray, cells: Rectangle, cell: int
) -> list[np.ndarray]:
    """Displacement, change from that of `Motion`, gradient, and how far it leads out."""
    change = offset - straight
    steepness = [magnitude(*gradients(np.ascontiguousarray(offset[..., k]))) for k in (0, 1)]
    y, x = _indices(cells)
    height, width = cell * cells.size[0], cell * cells.size[1]
    target_x, target_y = (x + 0.5) * cell + offset[..., 0], (y + 0.5) * cell + offset[..., 1]
    beyond = np.maximum.reduce([-target_x, target_x - width, -target_y, target_y - height])
    return [
        *cv2.split(_signed_log(offset, 2)),
        *cv2.split(_signed_log(change, 1)),
        np.log1p(4 * (steepness[0] + steepness[1])),
        np.clip(beyond / PATCH, -1, 2),
    ]


def _visible_mean(sums: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Divide sums over the visible part of cells by its share; 0 where hardly any is visible."""
    return np.where(share > LEAST_VISIBLE, sums / np.maximum(share, LEAST_VISIBLE), 0)


def _signed_log(values: np.ndarray, scale: float) -> np.ndarray:
    """Compute sign(q) log(1 + |q| / scale)."""
    return np.sign(values) * np.log1p(np.abs(values) / np.float32(scale))
