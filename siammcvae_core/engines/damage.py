# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The damaged part of a frame: all that the network must look at, in a few sizes.

Only lost patches and those next to them take part in attention, and only cells near them in
convolutions; what is left out does not reach a lost pixel. Sizes come in steps, so that engines
which prepare for shapes meet few of them.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.evidence.blending import Answer

TOKENS = 64  # tokens come in multiples of it
PATCHES = 4  # sides of the box come in multiples of it
REACH = 2  # patches around a lost one whose cells reach it through the convolutions
ACROSS = 4  # cells along the side of a patch


@dataclass(frozen=True, eq=False)
class Part:
    """What `model.drive_parts.RestorePart` takes, tokens excepted, by name; and where it lies."""

    inputs: dict[str, np.ndarray]
    top: int
    left: int
    grid: tuple[int, int]

    def place(self, outputs: tuple[np.ndarray, ...]) -> Answer:
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
        return Answer(correction, weights, colour, log_scale[0])


def damaged_part(
    picture: np.ndarray, evidence: np.ndarray, source: np.ndarray, lost: np.ndarray
) -> Part:
    """Cut out what matters where patches are `lost`, bool (rows, columns), one of them at least.

    `picture` float32 (H, W, 3) as the network takes it, of any content where lost; `evidence`
    (C, 4 rows, 4 columns); `source` long (rows, columns).
    """
    grid = rows, columns = lost.shape
    side = picture.shape[0] // rows
    active = cv2.dilate(lost.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    of_active = np.flatnonzero(active)
    of_visible = np.flatnonzero(active & ~lost)
    top, left, height, width = _box(lost)
    ids = _filled(of_active, lost.size)
    seen = _filled(of_visible, lost.size)
    y, x = np.divmod(seen, columns)
    patches = picture.reshape(rows, side, columns, side, 3).transpose(0, 2, 1, 3, 4)[y, x]
    place = np.stack([(2 * y + 1) / rows - 1, (2 * x + 1) / columns - 1], 1)
    row_of = np.full(lost.size, len(seen))
    row_of[of_visible] = np.arange(len(of_visible))
    spread = np.full(lost.size, len(ids))
    spread[of_active] = np.arange(len(of_active))
    y, x = np.divmod(ids, columns)
    inputs = {
        'picture': patches.reshape(1, len(seen), -1),
        'place': place[None].astype(np.float32),
        # With nothing visible one row has to count; nobody reads what comes of it.
        'visible': (np.arange(len(seen)) < max(1, len(of_visible)))[None],
        'evidence': np.ascontiguousarray(evidence[
            None, :, ACROSS * top : ACROSS * (top + height), ACROSS * left : ACROSS * (left + width)
        ]),
        'source': source.ravel()[ids],
        'own': row_of[ids],
        'patch': (y - top) * width + x - left,
        'active': (np.arange(len(ids)) < len(of_active))[None],
        'spread': spread.reshape(grid)[top : top + height, left : left + width].copy(),
    }
    return Part(inputs, top, left, grid)


def steps(count: int, step: int, most: int) -> int:
    """Round up to a whole number of steps, but not beyond `most`."""
    return min(most, max(1, -(-count // step)) * step)


def _filled(chosen: np.ndarray, patches: int) -> np.ndarray:
    """Fill a list of patches up to a step with the first of them, or the first of all."""
    first = chosen[0] if len(chosen) else 0
    filled = np.full(steps(len(chosen), TOKENS, patches), first)
    filled[: len(chosen)] = chosen
    return filled


def _box(lost: np.ndarray) -> tuple[int, int, int, int]:
    """Box around the lost patches and all that reaches them: top, left, height, width."""
    left, top, width, height = cv2.boundingRect(lost.view(np.uint8))
    top, height = _span(top, height, lost.shape[0])
    left, width = _span(left, width, lost.shape[1])
    return top, left, height, width


def _span(start: int, length: int, most: int) -> tuple[int, int]:
    end = min(most, start + length + REACH)
    start = max(0, start - REACH)
    length = steps(end - start, PATCHES, most)
    return min(start, most - length), length
