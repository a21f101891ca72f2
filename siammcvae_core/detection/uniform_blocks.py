# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Uniform blocks: cells of one single colour, as cleared buffers, empty macroblocks, tape and mud.

Coded video has uniform cells of its own (sky, shadow), a handful of each colour, and their colour
runs on softly into the cells beside them. Of one colour with n uniform cells and a border of m
sides to other cells, with mean step s and h sides of step >= 8 grey levels, lost is what has

    a sharp border    s >= 5,   h >= m / 2,     m >= 1.5 sqrt(n)     (n >= 1 % of all cells,
                                                                 black or white 2 %)
                      s >= 16,  h >= 3 m / 4,   m >= 2 n             (fewer)
    a blank frame     n >= 90 % of all cells
    a crowd           n >= 3 % of all cells, neither black nor white, 10 levels off its neighbours
    a jump            half of the n cells are new, and these are 4 % of all cells, or surely new

Once found, a colour counts as lost for as long as at least half as many cells show it.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from siammcvae_core.detection.colour_groups import (
    borders,
    colour_keys,
    ColourGroups,
    group_by_colour,
    HARD,
)
from siammcvae_core.detection.frame_statistics import FrameStatistics
from siammcvae_core.detection.region_growing import across_borders, by_colour, ROUGH

BORDER = 5.0  # mean step around all cells of one colour; natural ones stay below 3
STILL_HARD = 2.0  # mean step around a colour that once was found by its border
FEW = 0.01  # of the cells, twice that if black or white: fewer must be hard all around
CROWD = 0.03  # of the cells: more than this of one mid-tone is no scene
CONTRAST = 10.0  # grey levels from them to the cells beside them, or it is a dull sky
JUMP = 0.04  # of the cells: more than this new ones of one colour from one frame to the next
SURELY_NEW = 0.003  # of the cells, 3 at least, where no brightness near was near that of the colour
FAR = 10.0  # grey levels from all that was near
NEW = 0.5  # of the cells of a colour that counts as new
COVERED = 8  # grey levels of the largest step in a cell that showed something to cover
COVERING = 0.1  # of the new cells: fewer, and light went that lay over a smooth sky
LIGHT = 252  # grey levels of a quarter pixel that is burnt out
MOSTLY_INTACT = 0.5  # of the cells of the frame before, so that what is new can be judged
BLACK, WHITE = 24.0, 245.0  # grey levels beyond which a sensor clips
BLANK = 0.9  # of the cells: a frame of one colour
STEADY = 0.5  # of the cells a colour had, so that it still counts as lost
GROWN = 3  # colours with soft edges that are grown into their edges at once
NINE, TWENTY_FIVE = np.ones((3, 3), np.uint8), np.ones((5, 5), np.uint8)  # cells around one


@dataclass(frozen=True, eq=False)
class LostColour:
    """A colour found lost.

    cells: how many showed it at most. soft: it has no hard border, so it may fade into the frame.
    hard: black or white found by its border alone, which then must stay. persists: it may count as
    lost in later frames. white: burnt-out light. region: bool (R, C), where it may be; of white the
    surroundings of where it came new, since scenes have white of their own; None for anywhere.
    """

    key: int
    cells: int
    soft: bool
    hard: bool
    persists: bool
    white: bool
    region: np.ndarray | None = None


class UniformBlocks:
    """Finds lost cells of one colour in a stream of frames of one size.

    outside: bool (R, C), cells that are not part of the picture.
    """

    def __init__(self, outside: np.ndarray) -> None:
        self._outside = outside
        self._lost: dict[int, LostColour] = {}
        self._keys: np.ndarray | None = None
        self._grown: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def find(
        self,
        frame: np.ndarray,
        now: FrameStatistics,
        before: FrameStatistics | None,
        intact: np.ndarray,
        taken: np.ndarray,
        white_moves: bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the lost cells of the next frame: (of a colour, burnt white), bool (R, C) each.

        before: of the frame before, None without one. intact: bool (R, C), its intact cells.
        taken: bool (R, C), cells lost for another reason. white_moves: whether what is burnt moves
        with the scene.
        """
        uniform = (now.max_step <= ROUGH) & ~self._outside
        keys = np.where(uniform, colour_keys(now.colours), np.int32(-1))
        lost: list[LostColour] = []
        if (keys >= 0).any():
            groups = group_by_colour(now, keys)
            new, whitened = self._new_cells(now, before, keys, intact, white_moves)
            lost = self._judge(now, before, groups, new, whitened, taken)
        cells = self._cells(frame, now, keys, lost, white_moves)
        self._lost, self._keys = {colour.key: colour for colour in lost}, keys
        return cells

    def _new_cells(
        self,
        now: FrameStatistics,
        before: FrameStatistics | None,
        keys: np.ndarray,
        intact: np.ndarray,
        white_moves: bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find intact cells that are uniform, or have white in them, only now: bool (R, C) each."""
        new, whitened = np.zeros((2, *intact.shape), bool)
        if before is not None and np.count_nonzero(intact) >= MOSTLY_INTACT * intact.size:
            new = intact & (keys >= 0) & (keys != self._keys)
            whitened = intact & _whitened(now, before)
            if not white_moves and np.count_nonzero(whitened) < JUMP * intact.size:
                whitened[:] = False
        return new, whitened

    def _judge(
        self,
        now: FrameStatistics,
        before: FrameStatistics | None,
        groups: ColourGroups,
        new: np.ndarray,
        whitened: np.ndarray,
        taken: np.ndarray,
    ) -> list[LostColour]:
        """Judge which colours are lost; `new`, `whitened` and `taken` are bool (R, C)."""
        counts, brightness = groups.counts, groups.brightness
        mid = (brightness > BLACK) & (brightness < WHITE)
        # First against what is not uniform: natural uniform cells have hard borders to lost ones.
        border, hard, sides, _ = borders(now, groups, (groups.keys < 0) & ~taken)
        lost = (counts >= BLANK * taken.size) | _sharp(border, hard, sides, counts, mid, taken.size)
        crowd = mid & (counts >= CROWD * taken.size)
        if crowd.any():
            lost |= crowd & (borders(now, groups, ~taken)[3] >= CONTRAST)
        outer = borders(now, groups, ~np.append(lost, False)[groups.index] & ~taken)
        lost |= _sharp(*outer[:3], counts, mid, taken.size)
        jumped = _jumped(now, before, groups, new)
        judged = []
        for i in np.flatnonzero(lost | jumped | np.isin(groups.colours, list(self._lost))):
            key, count = int(groups.colours[i]), int(counts[i])
            earlier = self._lost.get(key)
            if earlier and _persists(earlier, count, float(border[i]), int(sides[i])):
                if earlier.region is not None:
                    earlier.region[cv2.dilate(whitened.view(np.uint8), TWENTY_FIVE) > 0] = True
                judged.append(replace(earlier, cells=max(count, earlier.cells)))
                continue
            if not (lost[i] or jumped[i]):
                continue
            white = bool(brightness[i] >= WHITE)
            soft = bool(brightness[i] > BLACK and border[i] < BORDER and hard[i] < 0.3 * sides[i])
            came = new & (groups.keys == key) | whitened
            region = cv2.dilate(came.view(np.uint8), TWENTY_FIVE) > 0 if white and soft else None
            persists = bool(count >= FEW * taken.size or jumped[i])
            by_border = bool(lost[i] and not jumped[i] and not mid[i])
            judged.append(LostColour(key, count, soft, by_border, persists, white, region))
        return judged

    def _cells(
        self,
        frame: np.ndarray,
        now: FrameStatistics,
        keys: np.ndarray,
        lost: list[LostColour],
        white_moves: bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Grow the cells of lost colours: (of a colour, burnt white), bool (R, C) each."""
        coloured, burnt = np.zeros((2, *keys.shape), bool)
        all_grown: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        for number, colour in enumerate(sorted(lost, key=lambda colour: -colour.cells)):
            member = keys == colour.key
            if colour.soft and number < GROWN:
                grown = self._grown.get(colour.key)
                if grown is None or not np.array_equal(grown[0], member):  # mud stays in place
                    grown = (member, by_colour(frame, member))
                all_grown[colour.key] = grown
                cells = grown[1].copy()
                if colour.region is not None:
                    cells &= colour.region
                    if white_moves:
                        colour.region[:] = cv2.dilate(cells.view(np.uint8), NINE) > 0
            else:
                cells = member | across_borders(now, member)
            (burnt if colour.white else coloured)[cells] = True
        self._grown = all_grown
        return coloured, burnt


def _persists(earlier: LostColour, count: int, border: float, sides: int) -> bool:
    """Tell whether a colour lost before still is, from its cells, mean step and sides now."""
    if not earlier.persists or count < STEADY * earlier.cells:
        return False
    return not (earlier.hard and sides >= np.sqrt(count) and border < STILL_HARD)


def _jumped(
    now: FrameStatistics, before: FrameStatistics | None, groups: ColourGroups, new: np.ndarray
) -> np.ndarray:
    """Tell which colours came over many cells at once: bool (n,)."""
    surely, covering = _surely_new(now, before, new), _covering(before, new)
    came, came_surely, covered = (
        np.bincount(groups.index[cells], minlength=groups.counts.size + 1)[:-1]
        for cells in (new, surely, covering)
    )
    jumped = (came >= NEW * groups.counts) & (
        (covered >= COVERING * came) | (groups.brightness >= WHITE)
    )
    enough = np.maximum(3, np.where(groups.brightness > BLACK, SURELY_NEW, FEW) * new.size)
    return jumped & ((came >= JUMP * new.size) | (came_surely >= enough))


def _surely_new(
    now: FrameStatistics, before: FrameStatistics | None, new: np.ndarray
) -> np.ndarray:
    """Find the new uniform cells whose brightness was nowhere near: bool (R, C)."""
    if before is None or not new.any():
        return new
    high, low = cv2.dilate(before.mean, NINE), cv2.erode(before.mean, NINE)
    return new & ((now.mean > high + FAR) | (now.mean < low - FAR))


def _covering(before: FrameStatistics | None, new: np.ndarray) -> np.ndarray:
    """Find the new uniform cells that showed something before: bool (R, C)."""
    return new if before is None else new & (before.max_step >= COVERED)


def _whitened(now: FrameStatistics, before: FrameStatistics) -> np.ndarray:
    """Find cells with white in them where none was near: bool (R, C)."""
    white = cv2.compare(now.quarter, LIGHT, cv2.CMP_GE)
    white[cv2.dilate(before.quarter, TWENTY_FIVE) >= LIGHT] = 0
    size = now.mean.shape[::-1]
    return cv2.resize(white, size, interpolation=cv2.INTER_AREA) > 0


def _sharp(
    border: np.ndarray,
    hard: np.ndarray,
    sides: np.ndarray,
    counts: np.ndarray,
    mid: np.ndarray,
    cells: int,
) -> np.ndarray:
    """Tell which colours have a sharp border, see the formula at the top: bool (n,).

    border: s, hard: h, sides: m, counts: n of each colour. mid: bool (n,), neither black nor white.
    cells: of the frame.
    """
    few = (border >= 2 * HARD) & (hard >= 0.75 * sides) & (sides >= 2 * counts)
    many = (border >= BORDER) & (hard >= 0.5 * sides) & (sides >= 1.5 * np.sqrt(counts))
    return np.where(counts >= np.where(mid, FEW, 2 * FEW) * cells, many, few)
