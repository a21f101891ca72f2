# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The network's features of a hole; what each channel is stands in `alignment.features`."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor
import torch.nn.functional as F

from siammcvae_core.alignment.features import (
    FAR,
    LEAST_SPREAD,
    LEAST_VISIBLE,
    NEAR,
    ROBUST,
    SHIFTS,
)
from siammcvae_core.alignment.program.images import (
    cut,
    gaussian_blur,
    gradients,
    put,
    reduce,
    round_levels,
    to_grey,
    warp,
)
from siammcvae_core.alignment.program.reference import ReferenceTensors, start_displacement
from siammcvae_core.alignment.program.registration import (
    align,
    normal_equations,
    robust_weight,
    solve,
)
from siammcvae_core.motion.flow import PATCH
from siammcvae_core.motion.rectangle import Rectangle
from siammcvae_core.motion.references import STRIDE


class FeatureTensors(NamedTuple):
    """What is computed of damaged frames before the network, see `features.AlignmentFeatures`.

    `aligned` (B, 2, h / 2, w / 2), `channels` (B, C, h / cell, w / cell), `lost` bool (B, N) and
    `source` long (B, N) for N patches, row by row.
    """

    aligned: Tensor
    channels: Tensor
    lost: Tensor
    source: Tensor


class Age(NamedTuple):
    """How old the newest reference frame is, (B,) each.

    `share` in units of the time that its path took, see `start_displacement`; `ratio` in units of
    the time since the frame before it.
    """

    share: Tensor
    ratio: Tensor


def extract_features(
    reference: ReferenceTensors,
    damaged: Tensor,
    visible: Tensor,
    age: Age,
    window: Rectangle,
    context: Rectangle,
    cell: int,
) -> FeatureTensors:
    """Compute the features of damaged frames of working size, (B, 3, h, w) in whole grey levels.

    `visible` (B, 1, h, w) is 1 for pixels without any part lost, else 0. Features are computed for
    `window`, from what `context` around it shows, both in working pixels and whole patches; `cell`
    is the side of a cell in working pixels.
    """
    grey = to_grey(damaged)
    start = start_displacement(reference.path, age.share, context)
    straight = cut(start, window.reduced(STRIDE).within(context.reduced(STRIDE)))
    displacement = align(grey, visible, reference, start, window, context)
    to_older = displacement + warp(reference.flow, displacement, window, STRIDE)
    read = warp(reference.detail, displacement, window, STRIDE)
    aligned, gradient_x, gradient_y, smooth = read[:, :4].split(1, 1)
    colours = round_levels(read[:, 4:])
    others = {
        'copy': cut(reference.grey, window, STRIDE),
        'older': round_levels(warp(reference.older, to_older, window, STRIDE)),
        'velocity': round_levels(warp(reference.grey, straight, window, STRIDE)),
        'smooth': smooth,
    }
    shown, now = cut(visible, window, STRIDE), cut(grey, window, STRIDE)
    side = cell // STRIDE
    share = reduce(shown, side)
    cells = window.reduced(cell)
    residual = now - aligned
    errors, spread_shares = _errors(now, aligned, others, shown, share, cell)
    colour_residual = reduce((cut(damaged, window, STRIDE) - colours) * shown, side)
    weight = shown * robust_weight(residual, ROBUST)
    equations = normal_equations(residual, weight, gradient_x, gradient_y, side)
    energy = gradient_x.square() + gradient_y.square()
    differences = [
        (aligned - others[name]).abs() for name in ('copy', 'older', 'velocity', 'smooth')
    ]
    planes = [
        *_position(cells, share),
        share,
        *spread_shares,
        (reduce(colours, side) - 110) / 60,
        _signed_log(_visible_mean(colour_residual, share), 5),
        *errors,
        *_shifts(equations, cell),
        torch.log1p(reduce(torch.cat([energy, *differences], 1), side)),
        *_offsets(reduce(displacement, side), reduce(straight, side), cells, cell),
        torch.ones_like(share) * age.ratio.clamp(min=0.1).log().view(-1, 1, 1, 1),
    ]
    whole = put(displacement, window.reduced(STRIDE))
    lost = F.max_pool2d(1 - visible, PATCH).flatten(1) > 0
    return FeatureTensors(whole, put(torch.cat(planes, 1), cells), lost, patch_sources(whole))


def patch_sources(displacement: Tensor) -> Tensor:
    """Find the patch of the reference that each patch is displaced to, long (B, N).

    `displacement` (B, 2, h / 2, w / 2) is in working pixels; results are clipped to the frame.
    """
    means = reduce(displacement, PATCH // STRIDE) / PATCH  # (B, 2, rows, columns)
    rows, columns = means.shape[-2:]
    x, y = (torch.arange(count, device=means.device) for count in (columns, rows))
    column = (x + means[:, 0]).round().clamp(0, columns - 1)
    row = (y[:, None] + means[:, 1]).round().clamp(0, rows - 1)
    return (row * columns + column).long().flatten(1)


def _position(cells: Rectangle, like: Tensor) -> list[Tensor]:
    rows, columns = cells.size
    y, x = _indices(cells, like)
    zero = torch.zeros_like(like)
    return [zero + (2 * y + 1) / rows - 1, zero + (2 * x + 1) / columns - 1]


def _indices(cells: Rectangle, like: Tensor) -> tuple[Tensor, Tensor]:
    """Row (h, 1) and column (w,) of each cell of the window in the frame."""
    y = torch.arange(cells.top, cells.bottom, device=like.device, dtype=like.dtype)
    return y[:, None], torch.arange(cells.left, cells.right, device=like.device, dtype=like.dtype)


def _errors(
    now: Tensor,
    aligned: Tensor,
    others: dict[str, Tensor],
    shown: Tensor,
    share: Tensor,
    cell: int,
) -> tuple[list[Tensor], list[Tensor]]:
    """Errors of the references where visible and extended from around; and the visible shares."""
    residual = (now - aligned) * shown
    of_copy, of_velocity = ((now - others[name]).abs() * shown for name in ('copy', 'velocity'))
    stacked = torch.cat([residual.abs(), of_copy, of_velocity, residual], 1)
    error, of_copy, of_velocity, bias = reduce(stacked, cell // STRIDE).split(1, 1)
    inner = torch.log1p(_visible_mean(torch.cat([error, of_copy, of_velocity], 1), share))
    summed = torch.cat([share, error, of_copy, bias], 1)
    shares, around = [], []
    for sigma in (NEAR, FAR):
        blurred = gaussian_blur(summed, sigma / cell)
        spread, sums = blurred[:, :1], blurred[:, 1:]
        divisor = spread.clamp(min=LEAST_SPREAD)
        means = torch.where(spread > LEAST_SPREAD, sums / divisor, torch.zeros_like(sums))
        shares.append(spread)
        around += [torch.log1p(means[:, :2]), _signed_log(means[:, 2:], 2)]
    return [inner, *around], shares


def _shifts(equations: Tensor, cell: int) -> Iterable[Tensor]:
    """Local Gauss-Newton steps from the visible pixels around a cell, and their certainty."""
    for sigma, regularisation in SHIFTS:
        around = gaussian_blur(equations, sigma / cell)
        yield solve(around, regularisation).clamp(-3, 3)
        yield torch.log1p(around[:, 0:3:2])


def _offsets(offset: Tensor, straight: Tensor, cells: Rectangle, cell: int) -> list[Tensor]:
    """Displacement, change from that of `Motion`, gradient, and how far it leads out."""
    along_x, along_y = gradients(offset)
    steepness = (along_x.square() + along_y.square()).sqrt().sum(1, keepdim=True)
    y, x = _indices(cells, offset)
    height, width = (cell * side for side in cells.size)
    target_x, target_y = (x + 0.5) * cell + offset[:, :1], (y + 0.5) * cell + offset[:, 1:]
    beyond = torch.cat([-target_x, target_x - width, -target_y, target_y - height], 1)
    return [
        _signed_log(offset, 2),
        _signed_log(offset - straight, 1),
        torch.log1p(4 * steepness),
        (beyond.amax(1, keepdim=True) / PATCH).clamp(-1, 2),
    ]


def _visible_mean(sums: Tensor, share: Tensor) -> Tensor:
    """Divide sums over the visible part of cells by its share; 0 where hardly any is visible."""
    mean = sums / share.clamp(min=LEAST_VISIBLE)
    return torch.where(share > LEAST_VISIBLE, mean, torch.zeros_like(mean))


def _signed_log(values: Tensor, scale: float) -> Tensor:
    """Compute sign(q) log(1 + |q| / scale)."""
    return values.sign() * torch.log1p(values.abs() / scale)
