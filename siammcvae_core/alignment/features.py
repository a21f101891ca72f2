# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""All that a damaged frame and the kept pair tell about a hole, as one picture of many channels.

It is a quarter the working size in each direction, so that a 16 px patch is 4 x 4 of its cells.
Every second pixel of every second row is looked at, which tells as much of a cell as all of them.
What is visible is spread into the hole by normalised blurs of several widths, so that every lost
cell knows what its surroundings showed; what is lost has no influence.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.alignment.align import (
    align,
    MARGIN_WHOLE,
    normal_equations,
    robust_weight,
    solve,
)
from siammcvae_core.motion.references import (
    FINEST,
    gradients,
    length,
    PATCH,
    References,
    to_working,
)
from siammcvae_core.motion.window import Window

CELL = 4  # working pixels
MARGIN = 2  # patches around the hole; what is further off tells next to nothing
NEAR, FAR = 3.0, 8.0  # cells that visible misfits are spread
SHIFTS = ((1.0, 2.0), (2.5, 1.0), (6.0, 0.5))  # local shifts: blur in cells, stiffness
ROBUST = 15.0  # grey levels of misfit at which a pixel counts half
SEEN = 0.05  # visible share of a cell below which it tells nothing of itself
REACHED = 0.01  # the same of blurred shares

CHANNELS = (
    'row', 'column', 'visible', 'visible_near', 'visible_far', 'blue', 'green', 'red',
    'misfit_blue', 'misfit_green', 'misfit_red', 'error', 'error_copy', 'error_velocity',
    *(f'{name}_{reach}' for reach in ('near', 'far') for name in ('error', 'error_copy', 'bias')),
    *(f'{name}_{k}' for k in range(len(SHIFTS)) for name in ('shift_x', 'shift_y', 'xx', 'yy')),
    'contrast', 'against_copy', 'against_older', 'against_velocity', 'against_smooth',
    'offset_x', 'offset_y', 'change_x', 'change_y', 'crease', 'outside', 'age',
)  # fmt: skip
MIRRORED = tuple(
    name == 'column' or (name.endswith('_x') or '_x_' in name) for name in CHANNELS
)  # these change sign when the picture is mirrored


@dataclass(frozen=True, eq=False)
class AlignmentFeatures:
    """What is known before any learning.

    `aligned`, float32 (h / 2, w / 2, 2), says by how many working pixels (x, y) off in the newest
    kept frame a pixel is believed to be; `channels` are float32 (len(CHANNELS), h / 4, w / 4). Both
    are zero far from the hole. `damaged` is the damaged frame at working size, `lost` bool
    (h / 16, w / 16) tells which of its patches a lost pixel reaches, `source` int64 (patches,)
    which patch of the newest kept frame each patch is believed to have been, row by row.
    """

    aligned: np.ndarray
    channels: np.ndarray
    damaged: np.ndarray
    lost: np.ndarray
    source: np.ndarray


def extract_features(
    references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
) -> AlignmentFeatures:
    """Work out the evidence of a damaged frame, uint8 like the kept ones; `mask` bool (H, W).

    Raises ValueError without two kept frames of different stamps.
    """
    motion = references.motion
    if motion is None:
        raise ValueError('evidence needs two kept frames of different stamps')
    newest, older = references.frames[:2]
    size = newest.grey.shape[::-1]
    seen = visible(mask, size)
    lost = lost_patches(seen)
    damaged = to_working(frame)
    grey = damaged if damaged.ndim == 2 else cv2.cvtColor(damaged, cv2.COLOR_BGR2GRAY)
    window, far = Window.around(lost, MARGIN), Window.around(lost, MARGIN_WHOLE)
    start = motion.displacement(stamp, far.reduced(FINEST).slices)
    coarse, cells = window.reduced(FINEST), window.reduced(CELL)
    along = coarse.within(far.reduced(FINEST)).cut(start)
    there = align(grey, seen, newest, start, window, far) if seen.any() else along
    before = there + window.lattice(motion.flow, there)
    sharp, slope_x, slope_y, smooth = cv2.split(window.lattice(newest.detail, there))
    greys = {
        'moved': sharp,
        'smooth': smooth,
        'copy': window.thinned(newest.grey).astype(np.float32),
        'older': window.lattice(older.grey, before).astype(np.float32),
        'velocity': window.lattice(newest.grey, along).astype(np.float32),
    }
    clear, now = window.thinned(seen), window.thinned(grey).astype(np.float32)
    share = _cells(clear)
    errors, reached = _errors(now, greys, clear, share)
    moved = window.lattice(newest.working, there)
    planes = [
        *_place(cells),
        share,
        *reached,
        *_picture(window.thinned(damaged), moved, clear, share),
        *errors,
        *_shifts(now - sharp, (slope_x, slope_y), clear, share),
        *_disagreement(greys, (slope_x, slope_y)),
        *_offsets(_cells(there), _cells(along), cells),
        np.full(cells.shape, np.log(max(motion.age_ratio(stamp), 0.1)), np.float32),
    ]
    channels = np.zeros((len(planes), *cells.size), np.float32)
    np.stack(planes, out=channels[:, cells.top : cells.bottom, cells.left : cells.right])
    aligned = np.zeros((*coarse.size, 2), np.float32)
    coarse.cut(aligned)[:] = there
    return AlignmentFeatures(aligned, channels, damaged, lost, patch_sources(aligned))


def visible(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Tell which working pixels no lost pixel reaches: float32 (h, w), 1 or 0."""
    if mask.shape == size[::-1]:
        return (~mask).astype(np.float32)
    reached = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return (reached <= 0).astype(np.float32)


def lost_patches(seen: np.ndarray) -> np.ndarray:
    """Tell which patches have a pixel that is not `seen`, float32 (h, w); bool (rows, columns)."""
    rows, columns = (side // PATCH for side in seen.shape)
    return cv2.resize(seen, (columns, rows), interpolation=cv2.INTER_AREA) < 1


def patch_sources(offset: np.ndarray) -> np.ndarray:
    """Name the patch of the reference where each patch is believed to have been, int64 (N,).

    `offset` float32 (h / 2, w / 2, 2) as (x, y) in working pixels. What lies outside is taken from
    the edge.
    """
    columns, rows = (side * FINEST // PATCH for side in offset.shape[1::-1])
    means = cv2.resize(offset, (columns, rows), interpolation=cv2.INTER_AREA) / PATCH
    column = np.clip(np.rint(np.arange(columns) + means[..., 0]), 0, columns - 1)
    row = np.clip(np.rint(np.arange(rows)[:, None] + means[..., 1]), 0, rows - 1)
    source: np.ndarray = (row * columns + column).astype(np.int64).reshape(-1)
    return source


def _cells(plane: np.ndarray) -> np.ndarray:
    height, width = plane.shape[:2]
    size = width * FINEST // CELL, height * FINEST // CELL
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)


def _place(cells: Window) -> list[np.ndarray]:
    rows, columns = cells.size
    y, x = _indices(cells)
    return [(2 * y + 1) / rows - 1, (2 * x + 1) / columns - 1]


def _indices(cells: Window) -> np.ndarray:
    """Give the numbers of the rows and columns of the window in the frame, float32 (2, ..)."""
    grid: np.ndarray = np.mgrid[cells.top : cells.bottom, cells.left : cells.right]
    return grid.astype(np.float32)


def _picture(
    damaged: np.ndarray, moved: np.ndarray, seen: np.ndarray, share: np.ndarray
) -> list[np.ndarray]:
    """Give the colours of the moved reference, and what differs where visible."""
    if moved.ndim == 2:
        damaged, moved = (cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) for image in (damaged, moved))
    misfit = cv2.subtract(damaged, moved, dtype=cv2.CV_32F) * seen[..., None]
    misfit = _own(_cells(misfit), share[..., None])
    colours = (_cells(moved.astype(np.float32)) - 110) / 60
    return [*cv2.split(colours), *cv2.split(_squashed(misfit, 5))]


def _errors(
    grey: np.ndarray, greys: dict[str, np.ndarray], seen: np.ndarray, share: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """How wrong moved, copied and carried-on references are where visible, and around there.

    Also gives the visible share around every cell, near and far.
    """
    misfit = (grey - greys['moved']) * seen
    error = _cells(np.abs(misfit))
    copied, carried = (_cells(np.abs(grey - greys[k]) * seen) for k in ('copy', 'velocity'))
    own = [np.log1p(_own(plane, share)) for plane in (error, copied, carried)]
    summed = cv2.merge([share, error, copied, _cells(misfit)])
    reached, around = [], []
    for sigma in (NEAR, FAR):
        within, *others = cv2.split(cv2.GaussianBlur(summed, (0, 0), sigma))
        means = [np.where(within > REACHED, o / np.maximum(within, REACHED), 0) for o in others]
        reached.append(within)
        around += [np.log1p(means[0]), np.log1p(means[1]), _squashed(means[2], 2)]
    return [*own, *around], reached


def _shifts(
    misfit: np.ndarray,
    gradient: tuple[np.ndarray, np.ndarray],
    seen: np.ndarray,
    share: np.ndarray,
) -> list[np.ndarray]:
    """Shifts that the visible pixels around a cell still ask for, and how firmly."""
    weight = seen * robust_weight(misfit, ROBUST)
    equations = normal_equations(misfit, weight, *gradient, share.shape[::-1])
    planes = []
    for sigma, stiffness in SHIFTS:
        around = cv2.GaussianBlur(equations, (0, 0), sigma)
        shift = np.clip(solve(around, stiffness), -3, 3)
        planes += [*cv2.split(shift), np.log1p(around[..., 0]), np.log1p(around[..., 2])]
    return planes


def _disagreement(
    greys: dict[str, np.ndarray], gradient: tuple[np.ndarray, np.ndarray]
) -> list[np.ndarray]:
    """Contrast of the moved reference, and how far the other candidates are from it."""
    moved = greys['moved']
    slope_x, slope_y = gradient
    others = (greys[name] for name in ('copy', 'older', 'velocity', 'smooth'))
    differences = [np.log1p(_cells(np.abs(moved - other))) for other in others]
    return [np.log1p(_cells(slope_x * slope_x + slope_y * slope_y)), *differences]


def _offsets(offset: np.ndarray, straight: np.ndarray, cells: Window) -> list[np.ndarray]:
    """Give the offset, its change from constant velocity, its creases; how far it leads outside."""
    change = offset - straight
    bends = [length(*gradients(np.ascontiguousarray(offset[..., k]))) for k in (0, 1)]
    y, x = _indices(cells)
    height, width = CELL * cells.size[0], CELL * cells.size[1]
    there_x, there_y = (x + 0.5) * CELL + offset[..., 0], (y + 0.5) * CELL + offset[..., 1]
    beyond = np.maximum.reduce([-there_x, there_x - width, -there_y, there_y - height])
    return [
        *cv2.split(_squashed(offset, 2)),
        *cv2.split(_squashed(change, 1)),
        np.log1p(4 * (bends[0] + bends[1])),
        np.clip(beyond / 16, -1, 2),
    ]


def _own(sum_: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Turn sums over the visible part of cells into means; 0 where hardly anything is visible."""
    return np.where(share > SEEN, sum_ / np.maximum(share, SEEN), 0)


def _squashed(values: np.ndarray, scale: float) -> np.ndarray:
    """Logarithm that keeps the sign, linear below `scale`."""
    return np.sign(values) * np.log1p(np.abs(values) / np.float32(scale))
