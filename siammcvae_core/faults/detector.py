# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finds lost regions from frames alone: no mask, no learning, a few milliseconds a frame.

docs/detector.md shows what it finds, how often, and what no detector can tell from frames alone.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.faults.detection import lines, noise, smear
from siammcvae_core.faults.detection.bars import Bars
from siammcvae_core.faults.detection.flats import Flats
from siammcvae_core.faults.detection.onsets import Onsets, Step
from siammcvae_core.faults.detection.reach import ROUGH
from siammcvae_core.faults.detection.stale import Stale
from siammcvae_core.faults.detection.statistics import Change, compare, measure, Statistics
from siammcvae_core.faults.masks import CELL
from siammcvae_core.frames import check_frame

INTACT = 'intact'
CONFIDENCE = {
    INTACT: 0.0,
    'frozen': 0.99,  # the frame before, to the bit
    'noise': 0.99,  # random bytes
    'line': 0.98,  # rows or columns stuck at a level, or the row before held
    'flat': 0.99,  # one colour: cleared buffer, empty macroblocks, tape, mud; whole frames
    'smear': 0.9,  # a row drawn down through cells
    'torn': 0.92,  # rows of the frame before
    'burnt': 0.97,  # clipped to white
    'light': 0.29,  # light added: glare and the surroundings of what is burnt
    'blur': 0.22,  # fine detail gone: drops
}
"""The classes, the sooner believed first, with the share of their cells that were lost on the training
clips, whatever fault struck them (docs/detector.md)."""
CLASSES = tuple(CONFIDENCE)
ALONE = 0.02  # of the cells: what more of another fault comes or goes makes light and blur
LOST_WHOLLY = 0.8  # of the cells: from the rest nothing is learned


@dataclass(frozen=True, eq=False)
class Detection:
    """What is lost in a frame, per cell of 16 x 16 px; R x C cells, the last cut off by the edge.

    mask: bool (R, C), True = lost. classes: uint8 (R, C), indices of CLASSES, 0 = intact.
    confidence: float32 (R, C), the share of such cells that are lost indeed, 0 where intact.
    """

    mask: np.ndarray
    classes: np.ndarray
    confidence: np.ndarray

    def pixels(self, size: tuple[int, int]) -> np.ndarray:
        """Bring the mask to the frame's size (H, W): bool (H, W)."""
        cells = self.mask.view(np.uint8)
        spread = cv2.resize(cells, None, fx=CELL, fy=CELL, interpolation=cv2.INTER_NEAREST)
        return np.ascontiguousarray(spread[: size[0], : size[1]]).view(np.bool_)

    @property
    def found(self) -> tuple[str, ...]:
        """Name the classes that occur, the sooner believed first."""
        return tuple(CLASSES[i] for i in np.unique(self.classes) if i)


class Detector:
    """Inspects the frames of one camera in order; belongs to one thread.

    It keeps what it measured of the last frame, never the frame. It sees a fault begin, so a fault
    that is there from the first frame on, and stays, is found only where no scene looks like it.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._before: Statistics | None = None
        self._clear: tuple[Statistics, np.ndarray] | None = None
        self._stamp = -np.inf

    def inspect(self, frame: np.ndarray, stamp: float) -> Detection:
        """Find what is lost in the next frame, uint8 (H, W, 3) BGR or (H, W) grey.

        stamp: seconds. A frame of another shape, or a stamp before the last one, starts anew.
        Raises FrameError as `check_frame` does.
        """
        check_frame(frame)
        now = measure(frame)
        before = self._before
        if before is None or stamp < self._stamp or before.shape != now.shape:
            before = None
            self._begin(now)
        self._bars.keep(now)
        change = None if before is None else compare(now, before)
        classes = np.zeros(now.mean.shape, np.uint8)
        if change is not None and not change.rows.any():
            classes[:] = CLASSES.index('frozen')
            self._clear = None
        else:
            self._look(frame, now, before, change, stamp, classes)
        classes[self._bars.cells] = 0
        self._before, self._stamp = now, stamp
        mask = classes > 0
        self._intact = ~mask
        return Detection(mask, classes, _CONFIDENCES[classes])

    def _begin(self, first: Statistics) -> None:
        self._intact = np.ones(first.mean.shape, bool)
        self._clear = None
        self._bars: Bars = Bars(first)
        self._flats, self._onsets, self._stale = Flats(self._bars.cells), Onsets(), Stale()

    def _look(
        self,
        frame: np.ndarray,
        now: Statistics,
        before: Statistics | None,
        change: Change | None,
        stamp: float,
        classes: np.ndarray,
    ) -> None:
        """Write the classes of the lost cells into `classes`, the sooner believed over the others."""
        found = {
            'noise': noise.find(frame, now, before, change),
            'line': self._lines(now),
            'smear': smear.find(now),
        }
        thin = found['line'] & (now.roughest > ROUGH)
        taken = found['noise'] | thin | self._bars.cells
        found['flat'], found['burnt'] = self._flats.find(
            frame, now, before, self._intact, taken, not self._onsets.glares
        )
        other = taken | found['line'] | found['flat'] | found['smear']
        if np.count_nonzero(other) < LOST_WHOLLY * other.size:
            if self._clear is not None:
                last, lost = self._clear
                alone = np.count_nonzero(other != lost) <= ALONE * other.size
                usable = ~other & ~lost
                step = Step(now, last, usable, found['burnt'], alone, stamp)
                found.update(self._onsets.find(step))
            self._clear = (now, other)
        else:
            self._clear = None
        if change is not None and before is not None:
            damaged = bool((other & ~self._bars.cells).any())
            top = self._stale.find(now, before, change, damaged)
            if top < now.size[0]:
                found['torn'] = np.zeros_like(other)
                found['torn'][top // CELL :] = True
        for name in reversed(CLASSES):
            if name in found:
                classes[found[name]] = CLASSES.index(name)

    def _lines(self, now: Statistics) -> np.ndarray:
        """Find the cells with stuck or held lines in them: bool (R, C)."""
        rows = lines.stuck(now.row_detail, now.row_step)
        rows |= lines.held(now.row_detail, now.row_step)
        columns = lines.stuck(now.column_detail, now.column_step)
        rows &= ~self._bars.rows
        columns &= ~self._bars.columns
        return _any_in_cells(rows)[:, None] | _any_in_cells(columns)[None]


_CONFIDENCES = np.array(list(CONFIDENCE.values()), np.float32)


def _any_in_cells(which: np.ndarray) -> np.ndarray:
    return np.logical_or.reduceat(which, np.arange(0, which.size, CELL))
