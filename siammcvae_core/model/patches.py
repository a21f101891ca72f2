# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames as rows of patches, and the gathering of visible rows and back.

These few gathers stand for the paper's Convert (Algorithm 1), whose printed form is off by one row
in eq. 15. A mask `lost` is bool (B, N), True where a patch is lost; the images of a batch may lose
different numbers of patches.
"""

from math import isqrt

import torch
from torch import Tensor
import torch.nn.functional as F

from siammcvae_core.errors import InputError
from siammcvae_core.model.pixels import CHANNELS

Grid = tuple[int, int]
"""Rows and columns of patches."""


def grid_of(frames: Tensor, patch: int) -> Grid:
    """Count the patches of frames (B, 3, H, W); raises `InputError` for another shape."""
    if frames.ndim != 4 or frames.shape[1] != CHANNELS:
        raise InputError(f'frames must be (B, {CHANNELS}, H, W), got {tuple(frames.shape)}')
    height, width = frames.shape[2:]
    if height < patch or width < patch or height % patch or width % patch:
        raise InputError(f'frames must be multiples of {patch} pixels, got {width}x{height}')
    return height // patch, width // patch


def patchify(frames: Tensor, patch: int) -> Tensor:
    """Cut frames (B, 3, H, W) into rows of pixels (B, N, P*P*3), row by row, channel last."""
    rows, columns = grid_of(frames, patch)
    cells = frames.reshape(-1, CHANNELS, rows, patch, columns, patch)
    return cells.permute(0, 2, 4, 3, 5, 1).reshape(-1, rows * columns, patch * patch * CHANNELS)


def unpatchify(patches: Tensor, grid: Grid) -> Tensor:
    """Assemble frames (B, 3, H, W) from rows of pixels (B, N, P*P*3)."""
    rows, columns = grid
    patch = isqrt(patches.shape[-1] // CHANNELS)
    cells = patches.reshape(-1, rows, columns, patch, patch, CHANNELS)
    return cells.permute(0, 5, 1, 3, 2, 4).reshape(-1, CHANNELS, rows * patch, columns * patch)


def check_lost(lost: Tensor, batch: int, patches: int) -> None:
    """Refuse a mask that is not bool (batch, patches), with an `InputError`."""
    if lost.dtype != torch.bool or lost.shape != (batch, patches):
        actual = f'{lost.dtype} {tuple(lost.shape)}'
        raise InputError(f'lost patches must be torch.bool ({batch}, {patches}), got {actual}')


def visible_index(lost: Tensor) -> tuple[Tensor, Tensor | None]:
    """List the visible patches of every image.

    Returns their indices in order, (B, K), with K that of the image with most of them, and bool
    (B, K), False for padding; None where all images have K.
    """
    counts = (~lost).sum(1)  # (B,)
    fewest, most = torch.stack(counts.aminmax()).tolist()
    index = lost.to(torch.uint8).argsort(dim=1, stable=True)[:, :most]  # (B, K)
    if fewest == most:
        return index, None
    return index, torch.arange(most, device=lost.device) < counts[:, None]


def take_visible(rows: Tensor, index: Tensor, valid: Tensor | None) -> Tensor:
    """Gather visible rows (B, K, D) out of all (B, N, D); padding is zero."""
    visible = rows.gather(1, index[..., None].expand(-1, -1, rows.shape[-1]))
    return visible if valid is None else visible.masked_fill(~valid[..., None], 0)


def select_visible(
    patches: Tensor, place: Tensor, lost: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Select the visible patches, (B, K, D) of (B, N, D), and their positions out of (N, D).

    The third part is bool (B, 1 + K), True for the cls token and for visible patches, False for
    padding; None without padding. Without `lost` all patches are visible.
    """
    if lost is None:
        return patches, place, None
    index, valid = visible_index(lost)
    keys = None if valid is None else F.pad(valid, (1, 0), value=True)
    return take_visible(patches, index, valid), place[index], keys


def spread_visible(tokens: Tensor, lost: Tensor, fill: Tensor) -> Tensor:
    """Scatter visible tokens to their places, `fill` (D,) in the lost ones (U2's half of eq. 7).

    `tokens` (B, 1 + K, D) begin with the cls token, which stays first; returns (B, 1 + N, D).
    """
    # Row 0 is the cls token; where a patch is lost, the row taken does not matter.
    source = F.pad((~lost).cumsum(1), (1, 0))  # (B, 1 + N)
    scattered = tokens.gather(1, source[..., None].expand(-1, -1, tokens.shape[-1]))
    return torch.where(F.pad(lost, (1, 0))[..., None], fill, scattered)


def merge(patches: Tensor, predicted: Tensor, lost: Tensor) -> Tensor:
    """Keep visible patches to the bit, take lost ones from the prediction (eq. 15), (B, N, D)."""
    return torch.where(lost[..., None], predicted, patches)
