# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Registration of the reference to what is visible; the equations are in `alignment.align`."""

from typing import NamedTuple

import torch
from torch import Tensor

from siammcvae_core.alignment.align import (
    BLURS,
    CELL,
    COARSE_PENALTY,
    COARSE_TO_FINE,
    MAX_RESIDUAL,
    MAX_STEP,
    REGULARISATION,
    RIDGE,
    ROBUST_GLOBAL,
    ROBUST_LOCAL,
)
from siammcvae_core.alignment.program.images import (
    cut,
    gaussian_blur,
    gradients,
    interpolate,
    reduce,
    round_levels,
    warp,
)
from siammcvae_core.alignment.program.reference import ReferenceTensors
from siammcvae_core.motion.rectangle import Rectangle
from siammcvae_core.motion.references import STRIDE

SOLVER_STEPS = 16  # double the exact digits each, from the 12th on for what drives need
VISIBLE = 0.99  # share of a reduced pixel that must be visible for it to count


class Level(NamedTuple):
    """The window of the damaged frames reduced by `scale`, (B, 1, h, w) each, and the references.

    `visible` is 1 where every pixel below was visible, else 0. `start` (B, 2, h, w) is the
    displacement to begin with in pixels of the level, `window` in them, too.
    """

    scale: int
    damaged: Tensor
    visible: Tensor
    reference: Tensor
    start: Tensor
    window: Rectangle

    def warp_by(self, change: Tensor) -> Tensor:
        """Warp the references by the start and a change by cells (B, 2, rows, columns)."""
        size = self.damaged.shape[-2], self.damaged.shape[-1]
        displacement = self.start + interpolate(change, size) / self.scale
        return warp(self.reference, displacement, self.window)

    def equations(self, warped: Tensor, half: float) -> Tensor:
        """Set up the equations of a step from warped references; `half` as in `robust_weight`."""
        residual = self.damaged - warped
        weight = self.visible * robust_weight(residual, half)
        gradient_x, gradient_y = gradients(warped)
        side = CELL // self.scale
        return normal_equations(residual, weight, gradient_x, gradient_y, side)

    def mean_residual(self, warped: Tensor) -> Tensor:
        """Mean of min(|r|, MAX_RESIDUAL) over the visible pixels, (B,)."""
        error = (self.damaged - warped).abs().clamp(max=MAX_RESIDUAL) * self.visible
        return error.sum((1, 2, 3)) / self.visible.sum((1, 2, 3)).clamp(min=1)


def align(
    grey: Tensor,
    visible: Tensor,
    reference: ReferenceTensors,
    start: Tensor,
    window: Rectangle,
    context: Rectangle,
) -> Tensor:
    """Estimate the displacement of a window of damaged frames, (B, 2, h / 2, w / 2).

    `grey` (B, 1, H, W) holds whole grey levels and is never used where `visible`, alike, is 0
    instead of 1. `start` is the displacement of the window `context` to begin with; where nothing
    is visible the window's part of it is returned.
    """
    levels = _levels(grey, visible, reference, start, context)
    change, warped = _fit_global(levels, start)
    finest = levels[STRIDE]
    inner = window.reduced(STRIDE).within(context.reduced(STRIDE))
    size = start.shape[-2], start.shape[-1]
    displacement = cut(start + interpolate(change, size), inner)
    inside = finest._replace(damaged=cut(finest.damaged, inner), visible=cut(finest.visible, inner))
    equations = inside.equations(cut(warped, inner), ROBUST_LOCAL)
    displacement = displacement + _local_step(equations, STRIDE, displacement)
    detail = warp(reference.detail[:, :3], displacement, window, STRIDE)
    residual = cut(grey, window, STRIDE) - detail[:, :1]
    weight = cut(visible, window, STRIDE) * robust_weight(residual, ROBUST_LOCAL)
    gradient_x, gradient_y = detail[:, 1:].split(1, 1)
    equations = normal_equations(residual, weight, gradient_x, gradient_y, CELL // STRIDE)
    return displacement + _local_step(equations, 1, displacement)


def robust_weight(residual: Tensor, half: float) -> Tensor:
    """Cauchy weight 1 / (1 + (r / half)²) of residuals in grey levels."""
    return 1 / (1 + (residual / half).square())


def normal_equations(
    residual: Tensor, weight: Tensor, gradient_x: Tensor, gradient_y: Tensor, side: int
) -> Tensor:
    """Average w g gᵀ and w r g over squares of `side` pixels: (B, 5, h, w) of xx, xy, yy, x, y.

    All are (B, 1, side h, side w).
    """
    weighted_x, weighted_y = weight * gradient_x, weight * gradient_y
    terms = [
        weighted_x * gradient_x, weighted_x * gradient_y, weighted_y * gradient_y,
        weighted_x * residual, weighted_y * residual,
    ]  # fmt: skip
    return reduce(torch.cat(terms, 1), side)


def solve(equations: Tensor, regularisation: float) -> Tensor:
    """Solve the normal equations of every place (B, 5, h, w) by Cramer's rule: (B, 2, h, w)."""
    xx, xy, yy, x, y = equations.split(1, 1)
    xx, yy = xx + regularisation, yy + regularisation
    determinant = xx * yy - xy * xy
    return torch.cat([yy * x - xy * y, xx * y - xy * x], 1) / determinant


def _levels(
    grey: Tensor, visible: Tensor, reference: ReferenceTensors, start: Tensor, context: Rectangle
) -> dict[int, Level]:
    damaged, shown = cut(grey, context), cut(visible, context)
    levels = {}
    for scale in (2, 4, 8):
        damaged = round_levels(reduce(damaged, 2)) if scale == 2 else reduce(damaged, 2)
        shown = (reduce(shown, 2) > VISIBLE).float()
        levels[scale] = Level(
            scale,
            damaged,
            shown,
            reference.level(scale),
            reduce(start, scale // STRIDE) / scale,
            context.reduced(scale),
        )
    return levels


def _fit_global(levels: dict[int, Level], start: Tensor) -> tuple[Tensor, Tensor]:
    """Fit the global model; returns the change by cells and the references warped at STRIDE."""
    fields = smooth_fields(reduce(start, CELL // STRIDE))  # (B, K, 2, rows, columns)
    finest = levels[STRIDE]

    def step(warped: Tensor, scale: int) -> Tensor:
        change = _solve_fields(levels[scale].equations(warped, ROBUST_GLOBAL), fields)
        return _limited(change, scale)

    none = torch.zeros_like(fields[:, 0])
    at_start = finest.warp_by(none)
    fine = step(at_start, STRIDE)
    coarse_to_fine = none
    for scale in COARSE_TO_FINE:
        warped = levels[scale].warp_by(coarse_to_fine)
        coarse_to_fine = coarse_to_fine + step(warped, scale)
    changes = torch.stack([none, fine, coarse_to_fine], 1)  # (B, 3, 2, rows, columns)
    warps = torch.stack([at_start, finest.warp_by(fine), finest.warp_by(coarse_to_fine)], 1)
    penalty = torch.tensor([1.0, 1.0, COARSE_PENALTY], device=start.device)
    residuals = torch.stack([finest.mean_residual(warped) for warped in warps.unbind(1)], 1)
    best = (residuals * penalty).argmin(1)  # (B,)
    chosen = (torch.arange(3, device=best.device) == best[:, None]).float()[:, :, None, None, None]
    return (chosen * changes).sum(1), (chosen * warps).sum(1)


def smooth_fields(flow: Tensor) -> Tensor:
    """Build the fields φ of `align.smooth_fields` for a flow (B, 2, rows, columns).

    Returns (B, K, 2, rows, columns).
    """
    unit = flow.abs().mean((1, 2, 3), keepdim=True) + 1e-3
    relative = flow / unit
    speed = relative.square().sum(1, keepdim=True).sqrt()  # (B, 1, rows, columns)
    zero = torch.zeros_like(speed)
    by_depth = [relative, torch.cat([speed, zero], 1), torch.cat([zero, speed], 1)]
    camera = _camera_fields(flow).expand(len(flow), -1, -1, -1, -1)
    return torch.cat([camera, torch.stack(by_depth, 1)], 1)


def _camera_fields(like: Tensor) -> Tensor:
    """Build the six fields that do not depend on the flow, (1, 6, 2, rows, columns)."""
    rows, columns = like.shape[-2:]
    x = ((2 * torch.arange(columns, device=like.device) + 1) / columns - 1).expand(rows, -1)
    y = ((2 * torch.arange(rows, device=like.device) + 1 - rows) / columns)[:, None]
    y = y.expand(-1, columns)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    pairs = (one, zero), (zero, one), (-y, x), (x, y), (x * x, x * y), (x * y, y * y)
    return torch.stack([torch.stack(pair) for pair in pairs])[None]


def _solve_fields(equations: Tensor, fields: Tensor) -> Tensor:
    """Solve for the amplitudes of the fields (B, K, 2, rows, columns): u by cells (B, 2, ..)."""
    x, y = (fields[:, :, k].flatten(2) for k in (0, 1))  # (B, K, cells)
    xx, xy, yy, side_x, side_y = equations.flatten(2).split(1, 1)  # (B, 1, cells)
    cross = (x * xy) @ y.transpose(1, 2)
    along_x, along_y = (x * xx) @ x.transpose(1, 2), (y * yy) @ y.transpose(1, 2)
    square = along_x + cross + cross.transpose(1, 2) + along_y  # (B, K, K)
    side = x @ side_x.transpose(1, 2) + y @ side_y.transpose(1, 2)  # (B, K, 1)
    count = square.shape[-1]
    unit = torch.eye(count, device=square.device)
    trace = (square * unit).sum((1, 2), keepdim=True)
    amplitudes = _solve_symmetric(square + (RIDGE / count * trace + 1e-6) * unit, side)
    return (amplitudes[..., None, None] * fields).sum(1)


def _solve_symmetric(matrix: Tensor, side: Tensor) -> Tensor:
    """Solve A a = b for symmetric positive definite A (B, K, K) and b (B, K, 1): (B, K, 1).

    By the inverse of S, A scaled to a diagonal of ones, from a fixed number of matrix products
    (Schulz 1933), which every engine has, while ONNX has no solver:

        X_0 = I / K,    X_{n+1} = X_n (2 I - S X_n)
    """
    count = matrix.shape[-1]
    unit = torch.eye(count, device=matrix.device)
    root = (matrix * unit).sum(2, keepdim=True).rsqrt()  # (B, K, 1)
    scaled = matrix * root * root.transpose(1, 2)
    inverse = (unit / count).expand_as(scaled)
    for _ in range(SOLVER_STEPS):
        inverse = inverse @ (2 * unit - scaled @ inverse)
    return root * (inverse @ (root * side))


def _local_step(equations: Tensor, scale: int, displacement: Tensor) -> Tensor:
    """Solve the local model; returns a change in working pixels, shaped like `displacement`."""
    around = sum(weight * gaussian_blur(equations, sigma) for sigma, weight in BLURS)
    change = _limited(solve(torch.as_tensor(around), REGULARISATION), scale)
    return interpolate(change, (displacement.shape[-2], displacement.shape[-1]))


def _limited(change: Tensor, scale: int) -> Tensor:
    """Limit a change in pixels of a level, and bring it to working pixels."""
    return change.clamp(-MAX_STEP, MAX_STEP) * scale
