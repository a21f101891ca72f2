# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The damaged part of a frame: the inputs of the network, in a few sizes.

Only lost patches and those next to them take part in attention, and only the box around them in
convolutions; what is left out cannot reach a lost pixel. Sizes are rounded up to steps, so that
engines which prepare for each shape see few of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.alignment.composite import Prediction
from siammcvae_core.model.pixels import MEAN, STD

TOKEN_STEP = 32  # numbers of tokens are multiples of it
SIDE_STEP = 2  # sides of the box, in patches, are multiples of it
REACH = 1  # patches around a lost one that influence it
HALO = 2  # cells around the box that reach it through the stem

Inputs = dict[str, np.ndarray]
"""Inputs of a network by name, see `model.drive_export`."""


@dataclass(frozen=True, eq=False)
class Crop:
    """The damaged part of a frame.

    `inputs` are those of `model.drive_export.RestoreCrop` except the reference's tokens. `top` and
    `left` of the box in patches, `across` cells along the side of each; `grid` are the (rows,
    columns) of the frame's patches.
    """

    inputs: Inputs
    top: int
    left: int
    across: int
    grid: tuple[int, int]

    def to_frame(self, outputs: Sequence[np.ndarray]) -> Prediction:
        """Copy outputs for the box, (1, k, h, w) each, into maps of the frame that are zero."""
        rows, columns = (self.across * side for side in self.grid)
        top, left = self.across * self.top, self.across * self.left
        maps = []
        for output in outputs:
            _, planes, height, width = output.shape
            whole = np.zeros((planes, rows, columns), np.float32)
            whole[:, top : top + height, left : left + width] = output[0]
            maps.append(whole)
        correction, weights, colour, log_scale = maps
        return Prediction(correction, weights, colour, log_scale[0])


def frame_patches(frame: np.ndarray, patch: int) -> Inputs:
    """Cut a frame of working size, uint8 (h, w, 3) BGR or (h, w), for `EncodeReference`."""
    grid = frame.shape[0] // patch, frame.shape[1] // patch
    return _patches(frame, grid, np.arange(grid[0] * grid[1]))


def crop_damage(
    frame: np.ndarray, features: np.ndarray, source: np.ndarray, lost: np.ndarray
) -> Crop:
    """Cut out what matters where patches are `lost`, bool (rows, columns), one of them at least.

    `frame` is of working size, uint8 (h, w, 3) BGR or (h, w), of any content where lost; `features`
    float32 (C, k rows, k columns), k cells along the side of a patch; `source` int64 (rows *
    columns,).
    """
    grid, across = (lost.shape[0], lost.shape[1]), features.shape[1] // lost.shape[0]
    active = cv2.dilate(lost.view(np.uint8), np.ones((3, 3), np.uint8)).view(bool)
    active_ids, visible_ids = np.flatnonzero(active), np.flatnonzero(active & ~lost)
    token_ids, patch_ids = (_padded(ids, lost.size) for ids in (active_ids, visible_ids))
    top, left, height, width = _box(lost)
    box = np.s_[top : top + height, left : left + width]
    y, x = np.divmod(token_ids, grid[1])
    inputs = {
        **_patches(frame, grid, patch_ids),
        # Attention needs one patch; where none is visible, no token reads the result.
        'patch_is_visible': np.arange(len(patch_ids))[None] < max(1, len(visible_ids)),
        **_cells(features, across * np.array([top, left, top + height, left + width])),
        'reference_index': source[token_ids],
        'patch_index': _index_in(visible_ids, lost.size, len(patch_ids))[token_ids],
        'crop_index': (y - top) * width + x - left,
        'token_is_active': np.arange(len(token_ids))[None] < len(active_ids),
        'token_index': _index_in(active_ids, lost.size, len(token_ids)).reshape(grid)[box].copy(),
    }
    return Crop(inputs, top, left, across, grid)


def in_steps(count: int, step: int, most: int) -> int:
    """Round up to a whole number of steps, one at least, but not beyond `most`."""
    return min(most, max(1, -(-count // step)) * step)


def _cells(features: np.ndarray, box: np.ndarray) -> Inputs:
    """Cut a box of cells with its halo, and mark the cells of the inner ring within the frame."""
    size = np.array(features.shape[1:])
    first, last = box[:2] - HALO, box[2:] + HALO
    cut = np.zeros((1, len(features), *(last - first)), np.float32)
    inside = np.zeros((1, 1, *(last - first)), np.float32)
    top, left = np.maximum(first, 0)
    bottom, right = np.minimum(last, size)
    there = np.s_[..., top - first[0] : bottom - first[0], left - first[1] : right - first[1]]
    cut[there] = features[:, top:bottom, left:right]
    inside[there] = 1
    return {'features': cut, 'inside_frame': inside[..., 1:-1, 1:-1].copy()}


def _patches(frame: np.ndarray, grid: tuple[int, int], ids: np.ndarray) -> Inputs:
    """Cut the patches of indices `ids` (K,) out of a frame.

    `patches` (1, K, P*P*3) are RGB pixels, row by row, on the scale of `pixels.normalise`;
    `patch_positions` (1, K, 2) are their centres as (y, x) in (-1, 1).
    """
    rows, columns = grid
    side = frame.shape[0] // rows
    y, x = np.divmod(ids, columns)
    blocks = frame.reshape(rows, side, columns, side, -1).transpose(0, 2, 1, 3, 4)
    cut = blocks[y, x].reshape(len(ids) * side, side, -1)
    code = cv2.COLOR_GRAY2RGB if frame.ndim == 2 else cv2.COLOR_BGR2RGB
    pixels = cv2.LUT(cv2.cvtColor(cut, code), _SCALE)
    centres = np.stack([(2 * y + 1) / rows - 1, (2 * x + 1) / columns - 1], 1)
    return {
        'patches': pixels.reshape(1, len(ids), -1),
        'patch_positions': centres[None].astype(np.float32),
    }


def _padded(ids: np.ndarray, count: int) -> np.ndarray:
    """Pad indices of `count` patches up to a step with the first one, or with 0."""
    first = ids[0] if len(ids) else 0
    padded = np.full(in_steps(len(ids), TOKEN_STEP, count), first)
    padded[: len(ids)] = ids
    return padded


def _index_in(ids: np.ndarray, count: int, absent: int) -> np.ndarray:
    """Invert a list of indices: where in it each of `count` patches is, int64, else `absent`."""
    index = np.full(count, absent)
    index[ids] = np.arange(len(ids))
    return index


def _box(lost: np.ndarray) -> tuple[int, int, int, int]:
    """Compute the box of lost patches and all that reach them: top, left, height, width."""
    left, top, width, height = cv2.boundingRect(lost.view(np.uint8))
    top, height = _span(top, height, lost.shape[0])
    left, width = _span(left, width, lost.shape[1])
    return top, left, height, width


def _span(start: int, length: int, most: int) -> tuple[int, int]:
    end = min(most, start + length + REACH)
    start = max(0, start - REACH)
    length = in_steps(end - start, SIDE_STEP, most)
    return min(start, most - length), length


_LEVELS = np.arange(256, dtype=np.float32)[None, :, None] / 255
_MEAN, _STD = np.array([MEAN, STD], np.float32)
_SCALE = (_LEVELS - _MEAN) / _STD  # (1, 256, 3): a table for each colour
