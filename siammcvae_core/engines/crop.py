# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The damaged part of a frame: all that the network must look at, in a few sizes.

Only lost patches and those next to them take part in attention, and only the box around them in
convolutions; what is left out does not reach a lost pixel. Sizes come in steps, so that engines
which prepare for shapes meet few of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.alignment.composite import Prediction
from siammcvae_core.model.pixels import MEAN, STD

TOKENS = 32  # tokens come in multiples of it
PATCHES = 2  # sides of the box come in multiples of it
REACH = 1  # patches around a lost one that it asks for
ACROSS = 4  # cells along the side of a patch
HALO = 2  # cells around the box that reach it through the stem

Inputs = dict[str, np.ndarray]
"""Inputs of a network by name, see `model.drive_parts`."""


@dataclass(frozen=True, eq=False)
class Part:
    """What `model.drive_parts.RestorePart` takes except the tokens; where in `grid` it lies."""

    inputs: Inputs
    top: int
    left: int
    grid: tuple[int, int]

    def place(self, outputs: Sequence[np.ndarray]) -> Prediction:
        """Put the answer for the box, (1, k, h, w) each, into maps of the frame, else zero."""
        rows, columns = (ACROSS * side for side in self.grid)
        top, left = ACROSS * self.top, ACROSS * self.left
        maps = []
        for output in outputs:
            _, planes, height, width = output.shape
            whole = np.zeros((planes, rows, columns), np.float32)
            whole[:, top : top + height, left : left + width] = output[0]
            maps.append(whole)
        correction, weights, colour, log_scale = maps
        return Prediction(correction, weights, colour, log_scale[0])


def whole_frame(frame: np.ndarray, patch: int) -> Inputs:
    """Cut a frame of working size, uint8 (h, w, 3) BGR or (h, w), for `EncodeReference`."""
    grid = frame.shape[0] // patch, frame.shape[1] // patch
    return _patches(frame, grid, np.arange(grid[0] * grid[1]))


def damaged_part(
    frame: np.ndarray, features: np.ndarray, source: np.ndarray, lost: np.ndarray
) -> Part:
    """Cut out what matters where patches are `lost`, bool (rows, columns), one of them at least.

    `frame` is of working size, uint8 (h, w, 3) BGR or (h, w), of any content where lost; `features`
    float32 (C, 4 rows, 4 columns); `source` int64 (rows * columns,).
    """
    grid = lost.shape[0], lost.shape[1]
    active = cv2.dilate(lost.view(np.uint8), np.ones((3, 3), np.uint8)).view(bool)
    acting, seen = np.flatnonzero(active), np.flatnonzero(active & ~lost)
    ids, ids_seen = (_filled(chosen, lost.size) for chosen in (acting, seen))
    top, left, height, width = _box(lost)
    box = np.s_[top : top + height, left : left + width]
    y, x = np.divmod(ids, grid[1])
    inputs = {
        **_patches(frame, grid, ids_seen),
        # With nothing visible one row has to count; nobody reads what comes of it.
        'visible': np.arange(len(ids_seen))[None] < max(1, len(seen)),
        **_cells(features, ACROSS * np.array([top, left, top + height, left + width])),
        'source': source[ids],
        'own': _positions(seen, lost.size, len(ids_seen))[ids],
        'patch': (y - top) * width + x - left,
        'active': np.arange(len(ids))[None] < len(acting),
        'spread': _positions(acting, lost.size, len(ids)).reshape(grid)[box].copy(),
    }
    return Part(inputs, top, left, grid)


def in_steps(count: int, step: int, most: int) -> int:
    """Round up to a whole number of steps, one at least, but not beyond `most`."""
    return min(most, max(1, -(-count // step)) * step)


def _cells(features: np.ndarray, box: np.ndarray) -> Inputs:
    """Cut a box of cells and its halo, and tell which of the halo's inner ring the frame has."""
    size = np.array(features.shape[1:])
    first, last = box[:2] - HALO, box[2:] + HALO
    cut = np.zeros((1, len(features), *(last - first)), np.float32)
    inside = np.zeros((1, 1, *(last - first)), np.float32)
    top, left = np.maximum(first, 0)
    bottom, right = np.minimum(last, size)
    there = np.s_[..., top - first[0] : bottom - first[0], left - first[1] : right - first[1]]
    cut[there] = features[:, top:bottom, left:right]
    inside[there] = 1
    return {'features': cut, 'inside': inside[..., 1:-1, 1:-1].copy()}


def _patches(frame: np.ndarray, grid: tuple[int, int], ids: np.ndarray) -> Inputs:
    """Pixels of patches (1, K, P*P*3), row by row, and where they lie (1, K, 2) as (y, x).

    Pixels are RGB, on the scale of `pixels.normalise`.
    """
    rows, columns = grid
    side = frame.shape[0] // rows
    y, x = np.divmod(ids, columns)
    blocks = frame.reshape(rows, side, columns, side, -1).transpose(0, 2, 1, 3, 4)
    cut = blocks[y, x].reshape(len(ids) * side, side, -1)
    code = cv2.COLOR_GRAY2RGB if frame.ndim == 2 else cv2.COLOR_BGR2RGB
    picture = cv2.LUT(cv2.cvtColor(cut, code), _SCALE)
    place = np.stack([(2 * y + 1) / rows - 1, (2 * x + 1) / columns - 1], 1)
    return {
        'picture': picture.reshape(1, len(ids), -1),
        'place': place[None].astype(np.float32),
    }


def _filled(chosen: np.ndarray, patches: int) -> np.ndarray:
    """Fill a list of patches up to a step with its first one, or the first of all."""
    first = chosen[0] if len(chosen) else 0
    filled = np.full(in_steps(len(chosen), TOKENS, patches), first)
    filled[: len(chosen)] = chosen
    return filled


def _positions(chosen: np.ndarray, patches: int, without: int) -> np.ndarray:
    """Where in a list of patches each patch is, long (patches,); `without` if it is not."""
    positions = np.full(patches, without)
    positions[chosen] = np.arange(len(chosen))
    return positions


def _box(lost: np.ndarray) -> tuple[int, int, int, int]:
    """Box around the lost patches and all that reaches them: top, left, height, width."""
    left, top, width, height = cv2.boundingRect(lost.view(np.uint8))
    top, height = _span(top, height, lost.shape[0])
    left, width = _span(left, width, lost.shape[1])
    return top, left, height, width


def _span(start: int, length: int, most: int) -> tuple[int, int]:
    end = min(most, start + length + REACH)
    start = max(0, start - REACH)
    length = in_steps(end - start, PATCHES, most)
    return min(start, most - length), length


_LEVELS = np.arange(256, dtype=np.float32)[None, :, None] / 255
_MEAN, _STD = np.array([MEAN, STD], np.float32)
_SCALE = (_LEVELS - _MEAN) / _STD  # (1, 256, 3): a table for each colour
