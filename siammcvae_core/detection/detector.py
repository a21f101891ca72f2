# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finds lost regions from frames alone: no mask, no training, a few milliseconds a frame.

docs/detector.md shows what it finds, how often, and what no detector can tell from frames alone.
"""

from dataclasses import dataclass

import numpy as np

from siammcvae_core.detection.decode_smear import smeared_cells
from siammcvae_core.detection.frame_statistics import (
    compare,
    dilated,
    FrameDifference,
    FramePair,
    FrameStatistics,
    measure,
)
from siammcvae_core.detection.freeze_and_tear import is_frozen, TearDetector
from siammcvae_core.detection.lens_events import LensEvents
from siammcvae_core.detection.letterbox import Letterbox
from siammcvae_core.detection.noise import noisy_segments
from siammcvae_core.detection.region_growing import ROUGH
from siammcvae_core.detection.stuck_lines import constant_lines, repeated_lines
from siammcvae_core.detection.uniform_blocks import UniformBlocks
from siammcvae_core.faults.masks import CELL
from siammcvae_core.frames import check_frame

INTACT = 'intact'
CONFIDENCE = {
    INTACT: 0.0,
    'frozen': 0.99,  # the frame before, to the bit
    'noise': 0.99,  # random bytes
    'line': 0.98,  # rows or columns stuck at a level, or the row before repeated
    'flat': 0.99,  # one colour: cleared buffer, empty macroblocks, tape, mud; whole frames
    'smear': 0.9,  # a row drawn down through cells
    'torn': 0.92,  # rows of the frame before
    'burnt': 0.97,  # clipped to white
    'light': 0.29,  # light added: glare and the surroundings of what is burnt
    'blur': 0.22,  # fine detail gone: drops
}
"""The classes in order of precedence, with the share of their cells that were lost on the training
clips, whatever the fault (docs/detector.md)."""
CLASSES = tuple(CONFIDENCE)
ALONE = 0.02  # of the cells: where more of another fault comes or goes, light and blur come too
MOSTLY_LOST = 0.8  # of the cells: from the rest nothing is learned


@dataclass(frozen=True, eq=False)
class Detection:
    """What is lost in H x W pixels; R x C cells of 16 x 16 px, the last cut off by the edge.

    mask: bool (R, C), True = lost. classes: uint8 (R, C), indices of CLASSES, 0 = intact.
    confidence: float32 (R, C), the precision of the cell's class, 0 where intact.
    whole_cells: bool (R, C), the cells lost as a whole, for what `rows`, `columns` and `noise` do
    not tell. rows, columns: bool (H,), (W,), lines lost from end to end. noise: bool (16 R, C),
    segments of rows with random bytes.
    """

    mask: np.ndarray
    classes: np.ndarray
    confidence: np.ndarray
    whole_cells: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    noise: np.ndarray

    def pixels(self) -> np.ndarray:
        """Compute the lost pixels, bool (H, W): lines and segments with neighbours, else cells.

        A camera that interpolates colours smears a dead line into its neighbours, and noise begins
        and ends too shortly to be seen.
        """
        segments = dilated(self.noise) | self.whole_cells.repeat(CELL, 0)
        pixels = segments.repeat(CELL, 1)[: self.rows.size, : self.columns.size]
        lost = np.ascontiguousarray(pixels)
        lost[dilated(self.rows[None])[0]] = True
        lost[:, dilated(self.columns[None])[0]] = True
        return lost

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes that occur, in order of precedence."""
        return tuple(CLASSES[i] for i in np.unique(self.classes) if i)


class Detector:
    """Inspects the frames of one camera in order; belongs to one thread.

    It keeps statistics of the last frame, never the frame. It sees a fault begin, so a fault
    that is there from the first frame on, and stays, is found only where no scene looks like it.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._before: FrameStatistics | None = None
        self._clear: tuple[FrameStatistics, np.ndarray] | None = None
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
        self._letterbox.update(now)
        difference = None if before is None else compare(now, before)
        rows, columns = self._lines(now)
        segments = np.zeros((len(now.grey), now.mean.shape[1]), bool)
        if difference is not None and is_frozen(difference):
            lost = {'frozen': np.ones(now.mean.shape, bool)}
            self._clear = None
        else:
            segments = noisy_segments(frame, now, before, difference)
            segments &= ~self._letterbox.cells.repeat(CELL, 0)
            lost = {
                'noise': _any_in_cells(segments),
                'line': _any_in_cells(rows)[:, None] | _any_in_cells(columns)[None],
                'smear': smeared_cells(now),
            }
            self._find_regions(frame, now, before, difference, stamp, lost)
        self._before, self._stamp = now, stamp
        classes, whole_cells = np.zeros(now.mean.shape, np.uint8), np.zeros(now.mean.shape, bool)
        for name in reversed(CLASSES):
            if name in lost:
                cells = lost[name] & ~self._letterbox.cells
                classes[cells] = CLASSES.index(name)
                whole_cells |= cells if name not in ('line', 'noise') else False
        mask = classes > 0
        self._intact = ~mask
        return Detection(mask, classes, _CONFIDENCES[classes], whole_cells, rows, columns, segments)

    def _begin(self, first: FrameStatistics) -> None:
        self._intact = np.ones(first.mean.shape, bool)
        self._clear = None
        self._letterbox: Letterbox = Letterbox(first)
        self._uniform_blocks = UniformBlocks(self._letterbox.cells)
        self._lens_events, self._tears = LensEvents(), TearDetector()

    def _find_regions(
        self,
        frame: np.ndarray,
        now: FrameStatistics,
        before: FrameStatistics | None,
        difference: FrameDifference | None,
        stamp: float,
        lost: dict[str, np.ndarray],
    ) -> None:
        """Add to `lost`, bool (R, C) by class, what depends on the cells lost for other reasons."""
        lines_only = lost['line'] & (now.max_step > ROUGH)
        taken = lost['noise'] | lines_only | self._letterbox.cells
        lost['flat'], lost['burnt'] = self._uniform_blocks.find(
            frame, now, before, self._intact, taken, not self._lens_events.has_glare
        )
        other = taken | lost['line'] | lost['flat'] | lost['smear']
        if np.count_nonzero(other) < MOSTLY_LOST * other.size:
            if self._clear is not None:
                last, lost_before = self._clear
                alone = np.count_nonzero(other != lost_before) <= ALONE * other.size
                usable = ~other & ~lost_before
                pair = FramePair(now, last, usable, lost['burnt'], alone, stamp)
                lost.update(self._lens_events.find(pair))
            self._clear = (now, other)
        else:
            self._clear = None
        if difference is not None and before is not None:
            damaged = bool((other & ~self._letterbox.cells).any())
            top = self._tears.find(now, before, difference, damaged)
            if top < now.size[0]:
                lost['torn'] = np.zeros_like(other)
                lost['torn'][top // CELL :] = True

    def _lines(self, now: FrameStatistics) -> tuple[np.ndarray, np.ndarray]:
        """Find stuck rows and columns and repeated rows: bool (H,), (W,)."""
        rows = constant_lines(now.row_detail, now.row_step)
        rows |= repeated_lines(now.row_detail, now.row_step)
        columns = constant_lines(now.column_detail, now.column_step)
        rows &= ~self._letterbox.rows
        columns &= ~self._letterbox.columns
        return rows, columns


_CONFIDENCES = np.array(list(CONFIDENCE.values()), np.float32)


def _any_in_cells(which: np.ndarray) -> np.ndarray:
    """Combine the rows of each cell, (16 R, ...) or (H, ...), by "or": bool (R, ...)."""
    return np.logical_or.reduceat(which, np.arange(0, len(which), CELL))
