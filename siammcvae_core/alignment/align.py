# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Registration of the reference to what is visible of a damaged frame, by Gauss-Newton steps.

The displacement d begins where `Motion` carries the reference on to. A step u corrects it; with the
damaged frame I, the reference R, the residual r(x) = I(x) - R(x + d(x)), the image gradient g(x) of
R(x + d(x)) and the visible pixels v it solves the weighted least squares

    min_u  sum_x w(x) (r(x) - g(x) · u(x))² + regularisation,    w = v / (1 + (r / h)²)

(Lucas and Kanade 1981 with Cauchy weights, 1/2 at a residual of h). First with a global model,

    u(x) = sum_k a_k φ_k(x),    (A + ε I) a = b,    A_kl = sum_x w (g · φ_k) (g · φ_l),
                                                    b_k = sum_x w r (g · φ_k)

where φ are the few smooth fields by which a change of the car's motion (turn, pitch, speed) moves
the whole image, one of them the flow itself: it holds just as well in a hole nothing is visible of.
It is fitted from coarse to fine, which finds large changes, and at the finest level alone, which is
safer for small ones; of these and the start, that with the smallest residual is taken. Then with a
local model, u constant around each place, where G is a sum of Gaussians:

    (G * (w g gᵀ) + λ I) u = G * (w r g)
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from siammcvae_core.motion.images import downsample, gradients, magnitude, resize_area
from siammcvae_core.motion.rectangle import Rectangle
from siammcvae_core.motion.references import ReferenceFrame, STRIDE
from siammcvae_core.motion.warp import warp

CELL = 8  # working pixels; the normal equations are averaged over such cells
CONTEXT_MARGIN = 6  # patches around the hole that the global model is fitted to
ROBUST_GLOBAL, ROBUST_LOCAL = 20.0, 10.0  # h: grey levels of residual at which a pixel counts half
MAX_STEP = 2.0  # pixels of the reduced image, beyond which its gradient is no guide
RIDGE = 3e-4  # ε in units of the mean diagonal of A: bounds fields that look alike where visible
REGULARISATION = 0.5  # λ in grey levels² per px²
BLURS = ((2.0, 1.0), (5.0, 0.3), (12.0, 0.1))  # G: standard deviations in cells, weights
COARSE_TO_FINE = (8, 8, 4, 4, 2)  # scales of the rounds of a global fit
COARSE_PENALTY = 1.02  # factor on the residual of the fit from coarse to fine, when compared
MAX_RESIDUAL = 20.0  # grey levels at which residuals are clipped, when fits are compared


@dataclass(frozen=True, eq=False)
class PyramidLevel:
    """Both frames reduced by `scale`: a window of the damaged one, and the whole reference.

    All float32 (h, w); `visible` is 1 where every pixel below was visible, else 0.
    """

    scale: int
    damaged: np.ndarray
    visible: np.ndarray
    reference: np.ndarray
    window: Rectangle

    @classmethod
    def build_all(
        cls, damaged: np.ndarray, visible: np.ndarray, reference: ReferenceFrame, window: Rectangle
    ) -> 'dict[int, PyramidLevel]':
        """Reduce a window of frames, uint8 (H, W), `visible` float32 of 0 and 1, by 2, 4 and 8."""
        damaged, visible = window.cut(damaged), window.cut(visible)
        levels = {}
        for scale, whole in reference.pyramid.items():
            visible = (downsample(visible) > 0.99).astype(np.float32)
            damaged = downsample(damaged).astype(np.float32)  # valid where all below is visible
            levels[scale] = cls(scale, damaged, visible, whole, window.reduced(scale))
        return levels

    def rescale(self, displacement: np.ndarray) -> np.ndarray:
        """Bring a displacement in working pixels, of any resolution, to pixels of the level."""
        size = self.visible.shape[::-1]
        if displacement.shape[1] == size[0]:
            return displacement / np.float32(self.scale)
        grows = displacement.shape[1] < size[0]
        how = cv2.INTER_LINEAR if grows else cv2.INTER_AREA
        resized: np.ndarray = cv2.resize(displacement, size, interpolation=how)
        return resized / np.float32(self.scale)

    def warp_reference(self, displacement: np.ndarray) -> np.ndarray:
        """Warp the reference by a displacement (h, w, 2) in pixels of the level: (h, w)."""
        return warp(self.reference, displacement, self.window.pixels())

    def mean_residual(self, warped: np.ndarray) -> float:
        """Mean of min(|r|, MAX_RESIDUAL) over visible pixels, for a warped reference."""
        error = np.minimum(np.abs(self.damaged - warped), MAX_RESIDUAL) * self.visible
        return float(error.sum() / max(1.0, float(self.visible.sum())))

    def equations(self, warped: np.ndarray, grid: tuple[int, int], half: float) -> np.ndarray:
        """Set up the equations of a step from a warped reference, see `normal_equations`."""
        residual = self.damaged - warped
        weight = self.visible * robust_weight(residual, half)
        return normal_equations(residual, weight, *gradients(warped), grid)

    def cut(self, window: Rectangle) -> 'PyramidLevel':
        """Restrict the level to a window, in working pixels, of the damaged frame."""
        small = window.reduced(self.scale)
        inner = small.within(self.window)
        damaged, visible = inner.cut(self.damaged), inner.cut(self.visible)
        return replace(self, damaged=damaged, visible=visible, window=small)


def align(
    damaged: np.ndarray,
    visible: np.ndarray,
    reference: ReferenceFrame,
    start: np.ndarray,
    window: Rectangle,
    context: Rectangle,
) -> np.ndarray:
    """Estimate the displacement of a window of the damaged frame: float32 (h / 2, w / 2, 2).

    As (x, y) in working pixels into the reference. Frames are uint8 of working size, in grey;
    `visible` is float32 of that size, 1 or 0: `damaged` is never used where it is 0. `start` is the
    displacement to begin with, from `Motion.displacement` for the window `context`, which the
    global model is fitted to and `window` lies in; with nothing visible it is returned.
    """
    levels = PyramidLevel.build_all(damaged, visible, reference, context)
    change, warped = _fit_global(levels, start)
    inner = window.reduced(STRIDE).within(context.reduced(STRIDE))
    displacement = inner.cut(start + cv2.resize(change, start.shape[1::-1]))
    level, grid = levels[STRIDE].cut(window), _grid(displacement)
    equations = level.equations(inner.cut(warped), grid, ROBUST_LOCAL)
    displacement = displacement + _local_step(equations, STRIDE, displacement)
    equations = _full_resolution_equations(damaged, visible, reference, displacement, window)
    return displacement + _local_step(equations, 1, displacement)


def _fit_global(
    levels: dict[int, PyramidLevel], start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fit the global model to a window; `start` is the displacement to begin with.

    Returns the change in working pixels by cells (rows, columns, 2), and the reference warped by
    start and change at the finest level.
    """
    grid = _grid(start)
    fields = smooth_fields(resize_area(start, grid))
    flat_fields = np.ascontiguousarray(fields.reshape(len(fields), -1, 2).transpose(2, 0, 1))
    starts = {scale: level.rescale(start) for scale, level in levels.items()}
    finest = levels[STRIDE]

    def warped_by(change: np.ndarray, scale: int) -> np.ndarray:
        level = levels[scale]
        return level.warp_reference(starts[scale] + level.rescale(change))

    def step(warped: np.ndarray, scale: int) -> np.ndarray:
        equations = levels[scale].equations(warped, grid, ROBUST_GLOBAL)
        return _limited(_solve_fields(equations, flat_fields), scale)

    none = np.zeros_like(fields[0])
    at_start = finest.warp_reference(starts[STRIDE])
    fine = step(at_start, STRIDE)
    coarse_to_fine = none
    for scale in COARSE_TO_FINE:
        coarse_to_fine = coarse_to_fine + step(warped_by(coarse_to_fine, scale), scale)
    candidates = [
        (none, at_start, 1.0),
        (fine, warped_by(fine, STRIDE), 1.0),
        (coarse_to_fine, warped_by(coarse_to_fine, STRIDE), COARSE_PENALTY),
    ]
    change, warped, _ = min(candidates, key=lambda c: c[2] * finest.mean_residual(c[1]))
    return change, warped


def _local_step(equations: np.ndarray, scale: int, displacement: np.ndarray) -> np.ndarray:
    """Solve the local model; returns a change in working pixels, shaped like `displacement`."""
    around = np.zeros_like(equations)
    for sigma, weight in BLURS:
        around += np.float32(weight) * cv2.GaussianBlur(equations, (0, 0), sigma)
    change = _limited(solve(around, REGULARISATION), scale)
    return cv2.resize(change, displacement.shape[1::-1])


def _full_resolution_equations(
    damaged: np.ndarray,
    visible: np.ndarray,
    reference: ReferenceFrame,
    displacement: np.ndarray,
    window: Rectangle,
) -> np.ndarray:
    """Set up the equations at working size, from every second pixel of every second row."""
    warped = warp(reference.detail, displacement, window.pixels(STRIDE))
    grey, gradient_x, gradient_y, _ = cv2.split(warped)
    residual = subsample(damaged, window) - grey
    weight = subsample(visible, window) * robust_weight(residual, ROBUST_LOCAL)
    return normal_equations(residual, weight, gradient_x, gradient_y, _grid(displacement))


def subsample(image: np.ndarray, window: Rectangle) -> np.ndarray:
    """Every second pixel of every second row of a window of an image."""
    return np.ascontiguousarray(window.cut(image, STRIDE))


def smooth_fields(flow: np.ndarray) -> np.ndarray:
    """Build the fields φ by which a car's camera moves the image, float32 (K, rows, columns, 2).

    With x, y from -1 to 1 across the width and (u, v) the `flow` (rows, columns, 2) over its mean:

        (1, 0), (0, 1), (-y, x), (x, y), (x², xy), (xy, y²), (u, v), (s, 0), (0, s), s = |(u, v)|

    These are shifts, roll, zoom and the perspective of yaw and pitch; a change of speed; changes of
    direction, which near things show more.
    """
    unit = np.abs(flow).mean() + 1e-3
    u, v = cv2.split(flow / unit)
    speed, zero = magnitude(u, v), np.zeros_like(u)
    by_depth = [cv2.merge(pair) for pair in ((u, v), (speed, zero), (zero, speed))]
    return np.concatenate([_camera_fields(*flow.shape[:2]), by_depth])


@lru_cache(maxsize=8)
def _camera_fields(rows: int, columns: int) -> np.ndarray:
    """Build the six of `smooth_fields` that do not depend on the flow."""
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    x, y = (2 * x + 1) / columns - 1, (2 * y + 1 - rows) / columns
    one, zero = np.ones_like(x), np.zeros_like(x)
    planes = (one, zero), (zero, one), (-y, x), (x, y), (x * x, x * y), (x * y, y * y)
    return np.array([cv2.merge(pair) for pair in planes])


def normal_equations(
    residual: np.ndarray,
    weight: np.ndarray,
    gradient_x: np.ndarray,
    gradient_y: np.ndarray,
    grid: tuple[int, int],
) -> np.ndarray:
    """Average w g gᵀ and w r g over cells: float32 (rows, columns, 5) of xx, xy, yy, x, y.

    `residual`, `weight` and the gradients are float32 (h, w); `grid` is (columns, rows).
    """
    weighted_x, weighted_y = weight * gradient_x, weight * gradient_y
    terms = (
        weighted_x * gradient_x, weighted_x * gradient_y, weighted_y * gradient_y,
        weighted_x * residual, weighted_y * residual,
    )  # fmt: skip
    return cv2.merge([resize_area(term, grid) for term in terms])


def robust_weight(residual: np.ndarray, half: float) -> np.ndarray:
    """Cauchy weight 1 / (1 + (r / half)²) of residuals in grey levels, float32 (h, w)."""
    return 1 / (1 + (residual / np.float32(half)) ** 2)


def solve(equations: np.ndarray, regularisation: float) -> np.ndarray:
    """Solve the normal equations of every place, (h, w, 5), by Cramer's rule: u, (h, w, 2).

    (w g gᵀ + λ I) u = w r g
    """
    xx, xy, yy, x, y = cv2.split(equations)
    xx, yy = xx + np.float32(regularisation), yy + np.float32(regularisation)
    determinant = xx * yy - xy * xy
    shift: np.ndarray = cv2.merge([
        (yy * x - xy * y) / determinant, (xx * y - xy * x) / determinant,
    ])  # fmt: skip
    return shift


def _grid(displacement: np.ndarray) -> tuple[int, int]:
    """Count the columns and rows of cells of a displacement with STRIDE."""
    height, width = displacement.shape[:2]
    return width * STRIDE // CELL, height * STRIDE // CELL


def _limited(change: np.ndarray, scale: int) -> np.ndarray:
    """Limit a change in pixels of a level, and bring it to working pixels."""
    return np.clip(change, -MAX_STEP, MAX_STEP) * np.float32(scale)


def _solve_fields(equations: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Solve for the amplitudes of fields φ, float32 (2, K, cells), x first: u by cells.

    (A + ε I) a = b,    u = sum_k a_k φ_k
    """
    x, y = fields
    count = len(x)
    xx, xy, yy, side_x, side_y = np.ascontiguousarray(equations.reshape(-1, 5).T)
    cross = (x * xy) @ y.T
    square = (x * xx) @ x.T + cross + cross.T + (y * yy) @ y.T
    ridge = (RIDGE * np.trace(square) / count + 1e-6) * np.eye(count)
    amplitudes = np.linalg.solve(square + ridge, x @ side_x + y @ side_y)
    change = np.float32(amplitudes) @ fields
    return cv2.merge([plane.reshape(equations.shape[:2]) for plane in change])
