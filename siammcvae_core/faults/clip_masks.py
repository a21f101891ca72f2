# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Patterns of lost pixels over a clip: static, drawn anew for each frame, or moving along.

`tube` (VideoMAE) loses the same cells in all frames. `motion` (MGMAE) keeps visible what was
visible: cells follow the optical flow, so that what is lost can be copied from no other frame.
`dual` (VideoMAE V2) is a tube for the encoder with running cells for the decoder.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from siammcvae_core.errors import InputError
from siammcvae_core.faults.masks import (
    CELL,
    cell_grid,
    choose_cells,
    lose_in_order,
    make_mask,
    parse_fault,
    Size,
    STATIC_PATTERNS,
)
from siammcvae_core.motion.references import Motion, ReferenceFrame
from siammcvae_core.motion.warp import warp

WIDE = 60  # cells across; flow is estimated at 8 px per cell up to here, at 4 beyond
OUTSIDE = -1e6  # px, where content came from that was not in sight before


def clip_masks(spec: str, clip: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Draw the masks of a spec such as 'motion:0.75' for all frames of a clip.

    clip: frames of one shape, uint8 (H, W, 3) BGR or (H, W), oldest first; only `motion` looks at
    their pixels. Returns bool (frames, H, W), True = lost. Raises InputError as make_mask does.
    """
    if not clip:
        raise InputError('a clip needs at least 1 frame for its masks')
    name, ratio = parse_fault(spec)
    size = (clip[0].shape[0], clip[0].shape[1])
    if name == 'motion':
        cells = MovingCells(clip[0], ratio, rng)
        return np.stack([cells.mask(), *map(cells.advance, clip[1:])])
    if name in STATIC_PATTERNS:
        return np.repeat(make_mask(spec, size, rng)[None], len(clip), axis=0)
    return np.stack([make_mask(spec, size, rng) for _ in clip])


def dual_masks(
    size: Size, frames: int, ratio: float, rng: np.random.Generator, decoded: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the two masks of VideoMAE V2: what the encoder lacks and what the decoder predicts.

    Returns (lost, predicted), bool (frames, H, W) each. `lost` is a tube of `ratio`, what the fault
    `dual` loses. `predicted` holds one, two or three cells of each 2 x 2 (`decoded` = 0.25, 0.5 or
    0.75), which run on by one cell per frame, so that four frames predict every place equally
    often. The loss is taken over `lost & predicted`.
    """
    run = round(4 * decoded)
    if run not in (1, 2, 3) or run != 4 * decoded:
        raise InputError(f'decoded share must be 0.25, 0.5 or 0.75, got {decoded}')
    lost = np.repeat(make_mask(f'dual:{ratio}', size, rng)[None], frames, axis=0)
    rows, columns = (np.arange(side) // CELL % 2 for side in size)
    place = 2 * rows[:, None] + columns[None]  # (H, W), 0 to 3 within each 2 x 2
    time = np.arange(frames)[:, None, None] + rng.integers(4)
    return lost, (place[None] + time) % 4 < run


class MovingCells:
    """Cells that move with their content along the optical flow; new content is drawn at random.

    frame: the first of the clip, uint8 (H, W, 3) BGR or (H, W). ratio: lost share of every frame.
    """

    def __init__(self, frame: np.ndarray, ratio: float, rng: np.random.Generator) -> None:
        self._size, self._ratio = (frame.shape[0], frame.shape[1]), ratio
        rows, columns = cell_grid(self._size)
        first, fresh = rng.random((2, rows * columns), np.float32)
        visible = ~choose_cells(np.argsort(first), self._size, ratio).ravel()
        self._side = 8 if columns <= WIDE else 4  # px per cell at which motion is followed
        # What was visible stays so; what is new comes next, up to the ratio; then what was lost.
        self._first = self._spread(visible + 0.1 * first)
        self._fresh = self._spread(0.2 + 0.6 * fresh)
        self._before = self._shrunk(frame)
        self._origin: np.ndarray | None = None  # (h, w, 2) (x, y), where it was in the first frame

    def advance(self, frame: np.ndarray) -> np.ndarray:
        """Move on to the next frame, of the first one's shape; return its mask as `mask` does."""
        newer, older = self._shrunk(frame), self._before
        flow = Motion(newer, older).flow
        x, y = cv2.split(flow)
        height, width = x.shape
        x += np.arange(width, dtype=np.float32)
        y += np.arange(height, dtype=np.float32)[:, None]
        origin = cv2.merge((x, y))
        if self._origin is not None:
            origin = warp(self._origin, flow)
        seen = (x > -0.5) & (y > -0.5) & (x < width - 0.5) & (y < height - 0.5)
        origin[~seen] = OUTSIDE
        self._origin, self._before = origin, newer
        return self.mask()

    def mask(self) -> np.ndarray:
        """Compute the present mask: bool (H, W), True = lost."""
        score = self._first
        if self._origin is not None:
            score = self._fresh.copy()  # it shows where the content was not in sight at first
            x, y = cv2.split(self._origin)
            cv2.remap(self._first, x, y, cv2.INTER_NEAREST, score, cv2.BORDER_TRANSPARENT)
        rows, columns = cell_grid(self._size)
        shown = cv2.resize(score, (columns, rows), interpolation=cv2.INTER_AREA)
        return lose_in_order(np.argsort(shown.ravel()), self._size, self._ratio)

    def _spread(self, scores: np.ndarray) -> np.ndarray:
        """Repeat the score of each cell for all its pixels: float32 (h, w)."""
        cells = scores.astype(np.float32).reshape(cell_grid(self._size))
        return cells.repeat(self._side, axis=0).repeat(self._side, axis=1)

    def _shrunk(self, frame: np.ndarray) -> ReferenceFrame:
        """Shrink a frame to the size at which motion is followed; Motion needs no stamps."""
        height, width = self._size
        whole = cv2.copyMakeBorder(frame, 0, -height % CELL, 0, -width % CELL, cv2.BORDER_REPLICATE)
        rows, columns = cell_grid(self._size)
        size = (columns * self._side, rows * self._side)
        return ReferenceFrame(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), 0.0)
