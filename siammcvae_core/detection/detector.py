# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finds lost regions from frames alone: no mask, no learning, a few milliseconds a frame.

docs/detector.md shows what it finds, how often, and what no detector can tell from frames alone.
"""

from dataclasses import dataclass

import numpy as np

from siammcvae_core.detection import decode_smear as smear
from siammcvae_core.detection import noise
from siammcvae_core.detection import stuck_lines as lines
from siammcvae_core.detection.frame_statistics import beside, Change, compare, measure, Statistics
from siammcvae_core.detection.freeze_and_tear import Stale
from siammcvae_core.detection.lens_events import Onsets, Step
from siammcvae_core.detection.letterbox import Bars
from siammcvae_core.detection.region_growing import ROUGH
from siammcvae_core.detection.uniform_blocks import Flats
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
"""The classes, the sooner believed first, with the share of their cells that were lost on the
training clips, whatever fault struck them (docs/detector.md)."""
CLASSES = tuple(CONFIDENCE)
ALONE = 0.02  # of the cells: what more of another fault comes or goes makes light and blur
LOST_WHOLLY = 0.8  # of the cells: from the rest nothing is learned


@dataclass(frozen=True, eq=False)
class Detection:
    """What is lost in H x W pixels; R x C cells of 16 x 16 px, the last cut off by the edge.

    mask: bool (R, C), True = lost. classes: uint8 (R, C), indices of CLASSES, 0 = intact.
    confidence: float32 (R, C), the share of such cells that are lost indeed, 0 where intact.
    wholly: bool (R, C), the cells of which more is lost than what follows. rows, columns: bool
    (H,), (W,), lines lost from end to end. noise: bool (16 R, C), segments of rows with random
    bytes.
    """

    mask: np.ndarray
    classes: np.ndarray
    confidence: np.ndarray
    wholly: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    noise: np.ndarray

    def pixels(self) -> np.ndarray:
        """Give the lost pixels, bool (H, W): lines and segments with those beside them, else cells.

        A camera that interpolates colours smears a dead line into its neighbours, and noise begins
        and ends too shortly to be seen.
        """
        rows = beside(self.noise) | self.wholly.repeat(CELL, 0)
        spread = rows.repeat(CELL, 1)[: self.rows.size, : self.columns.size]
        lost = np.ascontiguousarray(spread)
        lost[beside(self.rows[None])[0]] = True
        lost[:, beside(self.columns[None])[0]] = True
        return lost

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
        rows, columns = self._lines(now)
        runs = np.zeros((len(now.grey), now.mean.shape[1]), bool)
        if change is not None and not change.rows.any():
            found = {'frozen': np.ones(now.mean.shape, bool)}
            self._clear = None
        else:
            runs = noise.find(frame, now, before, change) & ~self._bars.cells.repeat(CELL, 0)
            found = {
                'noise': _any_in_cells(runs),
                'line': _any_in_cells(rows)[:, None] | _any_in_cells(columns)[None],
                'smear': smear.find(now),
            }
            self._look(frame, now, before, change, stamp, found)
        self._before, self._stamp = now, stamp
        classes, wholly = np.zeros(now.mean.shape, np.uint8), np.zeros(now.mean.shape, bool)
        for name in reversed(CLASSES):
            if name in found:
                cells = found[name] & ~self._bars.cells
                classes[cells] = CLASSES.index(name)
                wholly |= cells if name not in ('line', 'noise') else False
        mask = classes > 0
        self._intact = ~mask
        return Detection(mask, classes, _CONFIDENCES[classes], wholly, rows, columns, runs)

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
        found: dict[str, np.ndarray],
    ) -> None:
        """Add to the lost cells that were `found`, bool (R, C) by class, those of other classes."""
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

    def _lines(self, now: Statistics) -> tuple[np.ndarray, np.ndarray]:
        """Find stuck or held rows and columns: bool (H,), (W,)."""
        rows = lines.stuck(now.row_detail, now.row_step)
        rows |= lines.held(now.row_detail, now.row_step)
        columns = lines.stuck(now.column_detail, now.column_step)
        rows &= ~self._bars.rows
        columns &= ~self._bars.columns
        return rows, columns


_CONFIDENCES = np.array(list(CONFIDENCE.values()), np.float32)


def _any_in_cells(which: np.ndarray) -> np.ndarray:
    return np.logical_or.reduceat(which, np.arange(0, len(which), CELL))
