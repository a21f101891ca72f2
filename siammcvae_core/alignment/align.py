# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The reference aligned to what is visible of a damaged frame.

Constant velocity is the start. What a car changes on the way (turn, pitch, speed) moves the whole
picture by a few smooth fields, one of them the flow itself, so a handful of numbers is fitted to
all visible pixels far around the hole at once (Lucas-Kanade with a global model): it holds just as
well in a hole nothing is visible of. The fit is tried from coarse to fine, which finds large
changes, and fine only, which small ones are safer with; what explains the visible pixels best is
kept, and that may be the start. What is left is fitted locally, every place by the visible pixels
around it.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from siammcvae_core.motion.references import downsample, FINEST, gradients, KeptFrame, length
from siammcvae_core.motion.window import Window

CELL = 8  # working pixels; the normal equations are summed over such cells
MARGIN_WHOLE = 6  # patches around the hole that the global model is fitted to
ROBUST_WHOLE, ROBUST_LOCAL = 20.0, 10.0  # grey levels of misfit at which a pixel counts half
LONGEST_STEP = 2.0  # pixels of the reduced image; beyond, its slopes tell nothing
RIDGE = 3e-4  # of the mean diagonal: fields the visible pixels do not tell apart stay small
STIFFNESS = 0.5  # grey levels² per px²: evidence below it moves nothing
REACH = ((2.0, 1.0), (5.0, 0.3), (12.0, 0.1))  # local fits: blur in cells, weight
COARSE_TO_FINE = (8, 8, 4, 4, 2)  # scales of the rounds of a whole fit
DOUBT = 1.02  # the whole fit from coarse to fine must be so much better than the others
LARGEST_MISFIT = 20.0  # grey levels; what differs more tells no more


@dataclass(frozen=True, eq=False)
class PyramidLevel:
    """Both frames reduced: a window of the damaged one, and the reference, float32 (h, w).

    `seen` is 1 where every pixel below was visible, else 0.
    """

    scale: int
    damaged: np.ndarray
    seen: np.ndarray
    reference: np.ndarray
    window: Window

    @classmethod
    def all_of(
        cls, damaged: np.ndarray, seen: np.ndarray, reference: KeptFrame, window: Window
    ) -> 'dict[int, PyramidLevel]':
        """Reduce a window of frames, uint8 (H, W), `seen` float32 of 0 and 1, by 2, 4 and 8.

        The reference stays whole.
        """
        damaged, seen = window.cut(damaged), window.cut(seen)
        levels = {}
        for scale, whole in reference.pyramid.items():
            seen = (downsample(seen) > 0.99).astype(np.float32)
            damaged = downsample(damaged).astype(np.float32)  # right where all below is seen
            levels[scale] = cls(scale, damaged, seen, whole, window.reduced(scale))
        return levels

    def shrunk(self, offset: np.ndarray) -> np.ndarray:
        """Bring offsets in working pixels, of any resolution, to the pixels of the level."""
        size = self.seen.shape[::-1]
        if offset.shape[1] == size[0]:
            return offset / np.float32(self.scale)
        grows = offset.shape[1] < size[0]
        how = cv2.INTER_LINEAR if grows else cv2.INTER_AREA
        small: np.ndarray = cv2.resize(offset, size, interpolation=how) / np.float32(self.scale)
        return small

    def moved(self, offset: np.ndarray) -> np.ndarray:
        """Read the reference where `offset` (h, w, 2), in pixels of the level, leads: (h, w)."""
        return self.window.moved(self.reference, offset)

    def misfit(self, moved: np.ndarray) -> float:
        """Average by how many grey levels what `moved` gave misses what is visible."""
        error = np.minimum(np.abs(self.damaged - moved), LARGEST_MISFIT) * self.seen
        return float(error.sum() / max(1.0, float(self.seen.sum())))

    def equations(self, moved: np.ndarray, grid: tuple[int, int], robust: float) -> np.ndarray:
        """Set up the equations for what `moved` still misses, see `normal_equations`."""
        misfit = self.damaged - moved
        weight = self.seen * robust_weight(misfit, robust)
        return normal_equations(misfit, weight, *gradients(moved), grid)

    def cut(self, window: Window) -> 'PyramidLevel':
        """Keep a window of the damaged frame, given in working pixels."""
        small = window.reduced(self.scale)
        here = small.within(self.window)
        return replace(self, damaged=here.cut(self.damaged), seen=here.cut(self.seen), window=small)


def align(
    damaged: np.ndarray,
    seen: np.ndarray,
    reference: KeptFrame,
    start: np.ndarray,
    window: Window,
    far: Window,
) -> np.ndarray:
    """Find where in the reference a window of the damaged frame is: offsets (h / 2, w / 2, 2).

    Offsets are float32 as (x, y) in working pixels, frames uint8 of working size; `seen` is float32
    like them, 1 where visible, else 0: what `damaged` has elsewhere is never used. `start` is where
    to begin, as `Motion.displacement` gives it for the window `far`, which the global model is
    fitted to and `window` lies in; with nothing visible it is the answer.
    """
    levels = PyramidLevel.all_of(damaged, seen, reference, far)
    change, moved = _fit_whole(levels, start)
    here = window.reduced(FINEST).within(far.reduced(FINEST))
    offset = here.cut(start + cv2.resize(change, start.shape[1::-1]))
    level, grid = levels[FINEST].cut(window), _grid(offset)
    equations = level.equations(here.cut(moved), grid, ROBUST_LOCAL)
    offset = offset + _local_step(equations, FINEST, offset)
    equations = _sharp_equations(damaged, seen, reference, offset, window)
    return offset + _local_step(equations, 1, offset)


def _fit_whole(levels: dict[int, PyramidLevel], start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit the global model to a window; `start` is its part of the offsets to begin with.

    Gives the change in working pixels by cells (rows, columns, 2), and the reference moved by
    start and change at the finest level.
    """
    grid = _grid(start)
    fields = smooth_fields(_reduced(start, grid))
    listed = np.ascontiguousarray(fields.reshape(len(fields), -1, 2).transpose(2, 0, 1))
    starts = {scale: level.shrunk(start) for scale, level in levels.items()}
    finest = levels[FINEST]

    def moved_by(change: np.ndarray, scale: int) -> np.ndarray:
        level = levels[scale]
        return level.moved(starts[scale] + level.shrunk(change))

    def step(moved: np.ndarray, scale: int) -> np.ndarray:
        equations = levels[scale].equations(moved, grid, ROBUST_WHOLE)
        return _step(_fit_fields(equations, listed), scale)

    still = np.zeros_like(fields[0])
    at_start = finest.moved(starts[FINEST])
    fine = step(at_start, FINEST)
    coarse_to_fine = still
    for scale in COARSE_TO_FINE:
        coarse_to_fine = coarse_to_fine + step(moved_by(coarse_to_fine, scale), scale)
    tried = [
        (still, at_start, 1.0),
        (fine, moved_by(fine, FINEST), 1.0),
        (coarse_to_fine, moved_by(coarse_to_fine, FINEST), DOUBT),
    ]
    change, moved, _ = min(tried, key=lambda one: one[2] * finest.misfit(one[1]))
    return change, moved


def _local_step(equations: np.ndarray, scale: int, offset: np.ndarray) -> np.ndarray:
    """Fit every place by itself; gives a change like `offset`."""
    return cv2.resize(_step(_fit_around(equations), scale), offset.shape[1::-1])


def _sharp_equations(
    damaged: np.ndarray, seen: np.ndarray, reference: KeptFrame, offset: np.ndarray, window: Window
) -> np.ndarray:
    """Set up the equations at working size, from every second pixel of every second row."""
    moved, slope_x, slope_y, _ = cv2.split(window.lattice(reference.detail, offset))
    misfit = window.thinned(damaged) - moved
    weight = window.thinned(seen) * robust_weight(misfit, ROBUST_LOCAL)
    return normal_equations(misfit, weight, slope_x, slope_y, _grid(offset))


def smooth_fields(flow: np.ndarray) -> np.ndarray:
    """Build the fields a car's camera moves the picture by, float32 (K, rows, columns, 2).

    Shifts, roll, zoom, the perspective of yaw and pitch; and the given `flow` (rows, columns, 2):
    itself for a change of speed, its length sideways and upwards for one of direction, which near
    things show more.
    """
    unit = np.abs(flow).mean() + 1e-3
    u, v = cv2.split(flow / unit)
    speed, zero = length(u, v), np.zeros_like(u)
    moving = [cv2.merge(pair) for pair in ((u, v), (speed, zero), (zero, speed))]
    return np.concatenate([_turns(*flow.shape[:2]), moving])


@lru_cache(maxsize=8)
def _turns(rows: int, columns: int) -> np.ndarray:
    """Build the fields of `smooth_fields` that do not depend on the flow, (6, rows, columns, 2)."""
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    x, y = (2 * x + 1) / columns - 1, (2 * y + 1 - rows) / columns
    one, zero = np.ones_like(x), np.zeros_like(x)
    planes = (one, zero), (zero, one), (-y, x), (x, y), (x * x, x * y), (x * y, y * y)
    return np.array([cv2.merge(pair) for pair in planes])


def normal_equations(
    misfit: np.ndarray,
    weight: np.ndarray,
    slope_x: np.ndarray,
    slope_y: np.ndarray,
    grid: tuple[int, int],
) -> np.ndarray:
    """Sum the Lucas-Kanade equations over cells, float32 (rows, columns, 5): xx, xy, yy, x, y.

    `misfit` (h, w) is what the damaged frame has more than the moved reference, which has the
    slopes; the last two channels are the right-hand sides. `grid` is (columns, rows).
    """
    weighted_x, weighted_y = weight * slope_x, weight * slope_y
    terms = (
        weighted_x * slope_x, weighted_x * slope_y, weighted_y * slope_y,
        weighted_x * misfit, weighted_y * misfit,
    )  # fmt: skip
    return cv2.merge([_reduced(term, grid) for term in terms])


def robust_weight(misfit: np.ndarray, half: float) -> np.ndarray:
    """Weigh pixels by their misfit, float32 (h, w): 1 without one, 1/2 at `half` grey levels."""
    return 1 / (1 + (misfit / np.float32(half)) ** 2)


def solve(equations: np.ndarray, stiffness: float) -> np.ndarray:
    """Solve summed equations (h, w, 5) place by place for the shift, float32 (h, w, 2)."""
    xx, xy, yy, x, y = cv2.split(equations)
    xx, yy = xx + np.float32(stiffness), yy + np.float32(stiffness)
    determinant = xx * yy - xy * xy
    shift: np.ndarray = cv2.merge([
        (yy * x - xy * y) / determinant, (xx * y - xy * x) / determinant,
    ])  # fmt: skip
    return shift


def _grid(offset: np.ndarray) -> tuple[int, int]:
    """Count the columns and rows of cells of offsets of working size."""
    height, width = offset.shape[:2]
    return width * FINEST // CELL, height * FINEST // CELL


def _step(change: np.ndarray, scale: int) -> np.ndarray:
    """Limit a change in pixels of a level, and bring it to working pixels."""
    return np.clip(change, -LONGEST_STEP, LONGEST_STEP) * np.float32(scale)


def _fit_fields(equations: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Fit one number for each field to all cells; gives their sum (rows, columns, 2).

    `fields` float32 (2, K, cells), x first.
    """
    x, y = fields
    count = len(x)
    xx, xy, yy, side_x, side_y = np.ascontiguousarray(equations.reshape(-1, 5).T)
    cross = (x * xy) @ y.T
    square = (x * xx) @ x.T + cross + cross.T + (y * yy) @ y.T
    ridge = (RIDGE * np.trace(square) / count + 1e-6) * np.eye(count)
    numbers = np.linalg.solve(square + ridge, x @ side_x + y @ side_y)
    return cv2.merge([plane.reshape(equations.shape[:2]) for plane in np.float32(numbers) @ fields])


def _fit_around(equations: np.ndarray) -> np.ndarray:
    """Fit every cell by those around it, the near ones more; gives shifts (rows, columns, 2)."""
    around = np.zeros_like(equations)
    for sigma, weight in REACH:
        around += np.float32(weight) * cv2.GaussianBlur(equations, (0, 0), sigma)
    return solve(around, STIFFNESS)


def _reduced(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
