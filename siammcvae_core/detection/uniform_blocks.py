# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cells of one single colour: cleared buffers, empty macroblocks, tape and mud, burnt-out light.

Coded video has flat cells of its own (sky, shadow), a handful of each colour, and their colour runs
on softly into the cells beside them. What is lost shows in one of these: the border of all cells of
one colour is a hard step along the cell grid; more cells than nature has share one colour that is
neither black nor white; many of them are new since the last frame. Once found, a colour counts as
lost for as long as about as many cells show it.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from siammcvae_core.detection.frame_statistics import Statistics
from siammcvae_core.detection.region_growing import alongside, ROUGH, spread

HARD = 8.0  # grey levels across a border that has nothing of the scene's softness
BORDER = 5.0  # mean step around all cells of one colour; natural ones stay below 3
STILL_HARD = 2.0  # mean step around a colour that once was found by its border
FEW = 0.01  # of the cells, twice that if black or white: fewer must be hard all around
CROWD = 0.03  # of the cells: more than this of one mid-tone is no scene
CONTRAST = 10.0  # grey levels from them to the cells beside them, or it is a dull sky
JUMP = 0.04  # of the cells: more than this new ones of one colour from one frame to the next
TORN = 0.003  # of the cells, 3 at least, new where no brightness near was near that of the colour
FAR = 10.0  # grey levels from all that was near
NEW = 0.5  # of the cells of a colour that is said to have come new
COVERED = 8  # grey levels of the largest step in a cell that showed something to cover
COVERING = 0.1  # of the new cells: fewer, and light went that lay over a smooth sky
LIGHT = 252  # grey levels of a quarter pixel that is burnt out
KNOWN = 0.5  # of the cells intact in the frame before, so that it can be told what is new
BLACK, WHITE = 24.0, 245.0  # grey levels beyond which a sensor clips
BLANK = 0.9  # of the cells: a frame of one colour
STEADY = 0.5  # of the cells a colour had, so that it still counts as lost
SPREADS = 3  # colours with soft edges that are followed into their edges at once
BESIDE, AROUND = np.ones((3, 3), np.uint8), np.ones((5, 5), np.uint8)


@dataclass(frozen=True, eq=False)
class Colour:
    """A colour found lost.

    cells: how many showed it at most. soft: it has no hard border, so it may fade into the frame.
    hard: black or white found by its border alone, which then must stay. lasting: it may be held.
    white: burnt-out light. began: bool (R, C), where it may be; of white the surroundings of where
    it came new, since scenes have white of their own.
    """

    key: int
    cells: int
    soft: bool
    hard: bool
    lasting: bool
    white: bool
    began: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Groups:
    """The flat cells by colour: n colours.

    keys: int32 (R, C), the colour of each flat cell, -1 elsewhere. place: int (R, C), its index,
    n elsewhere.
    found, counts, level: (n,), the key of each colour, its cells and its mean brightness.
    """

    keys: np.ndarray
    place: np.ndarray
    found: np.ndarray
    counts: np.ndarray
    level: np.ndarray


class Flats:
    """Finds lost flat cells in a stream of frames of one size.

    outside: bool (R, C), cells that are none of the picture.
    """

    def __init__(self, outside: np.ndarray) -> None:
        self._outside = outside
        self._lost: dict[int, Colour] = {}
        self._keys: np.ndarray | None = None
        self._spread: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def find(
        self,
        frame: np.ndarray,
        now: Statistics,
        before: Statistics | None,
        intact: np.ndarray,
        taken: np.ndarray,
        follow: bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the lost cells of the next frame: (of a colour, burnt white), bool (R, C) each.

        before: of the frame before, None without one. intact: bool (R, C), its intact cells.
        taken: bool (R, C), cells known to be lost for another reason. follow: whether what is burnt
        moves with the scene.
        """
        flat = (now.roughest <= ROUGH) & ~self._outside
        keys = np.where(flat, _keys(now.colours), np.int32(-1))
        coloured, burnt = np.zeros((2, *keys.shape), bool)
        colours: list[Colour] = []
        spreads: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        if (keys >= 0).any():
            groups = _group(now, keys)
            fresh, whitened = np.zeros((2, *intact.shape), bool)
            if before is not None and np.count_nonzero(intact) >= KNOWN * intact.size:
                fresh = intact & (keys >= 0) & (keys != self._keys)
                whitened = intact & _whitened(now, before)
                if not follow and np.count_nonzero(whitened) < JUMP * intact.size:
                    whitened[:] = False
            torn, covering = _torn(now, before, fresh), _covering(before, fresh)
            colours = self._judge(now, groups, torn, fresh, covering, whitened, taken)
        for number, colour in enumerate(sorted(colours, key=lambda colour: -colour.cells)):
            member = keys == colour.key
            if colour.soft and number < SPREADS:
                known = self._spread.get(colour.key)
                if known is None or not np.array_equal(known[0], member):  # mud stays in place
                    known = (member, spread(frame, member))
                spreads[colour.key] = known
                cells = known[1].copy()
                if colour.began is not None:
                    cells &= colour.began
                    if follow:
                        colour.began[:] = cv2.dilate(cells.view(np.uint8), BESIDE) > 0
            else:
                cells = member | alongside(now, member)
            (burnt if colour.white else coloured)[cells] = True
        self._spread = spreads
        self._lost, self._keys = {colour.key: colour for colour in colours}, keys
        return coloured, burnt

    def _judge(
        self,
        now: Statistics,
        groups: Groups,
        torn: np.ndarray,
        fresh: np.ndarray,
        covering: np.ndarray,
        whitened: np.ndarray,
        taken: np.ndarray,
    ) -> list[Colour]:
        """Judge which colours are lost."""
        counts, level, place = groups.counts, groups.level, groups.place
        cells, colours = taken.size, counts.size
        mid = (level > BLACK) & (level < WHITE)
        # First against what is no flat cell: natural flat cells have hard borders to lost ones.
        border, hard, sides, _ = _borders(now, groups, (groups.keys < 0) & ~taken)
        lost = (counts >= BLANK * cells) | _sharp(border, hard, sides, counts, mid, cells)
        crowd = mid & (counts >= CROWD * cells)
        if crowd.any():
            lost |= crowd & (_borders(now, groups, ~taken)[3] >= CONTRAST)
        outer = _borders(now, groups, ~np.append(lost, False)[place] & ~taken)
        lost |= _sharp(*outer[:3], counts, mid, cells)
        came, tore, covered = (
            np.bincount(place[which], minlength=colours + 1)[:-1]
            for which in (fresh, torn, covering)
        )
        jumped = (came >= NEW * counts) & ((covered >= COVERING * came) | (level >= WHITE))
        enough = np.maximum(3, np.where(level > BLACK, TORN, FEW) * cells)
        jumped &= (came >= JUMP * cells) | (tore >= enough)
        judged = []
        for i in np.flatnonzero(lost | jumped | np.isin(groups.found, list(self._lost))):
            key, count = int(groups.found[i]), int(counts[i])
            held = self._lost.get(key)
            if held is not None:
                lasts = held.lasting and count >= STEADY * held.cells
                if held.hard and sides[i] >= np.sqrt(count):
                    lasts &= bool(border[i] >= STILL_HARD)
                if lasts:
                    if held.began is not None:
                        held.began[cv2.dilate(whitened.view(np.uint8), AROUND) > 0] = True
                    judged.append(replace(held, cells=max(count, held.cells)))
                    continue
            if not (lost[i] or jumped[i]):
                continue
            white = bool(level[i] >= WHITE)
            soft = bool(level[i] > BLACK and border[i] < BORDER and hard[i] < 0.3 * sides[i])
            new = fresh & (groups.keys == key) | whitened
            began = cv2.dilate(new.view(np.uint8), AROUND) > 0 if white and soft else None
            lasting = bool(count >= FEW * cells or jumped[i])
            by_border = bool(lost[i] and not jumped[i] and not mid[i])
            judged.append(Colour(key, count, soft, by_border, lasting, white, began))
        return judged


def _torn(now: Statistics, before: Statistics | None, fresh: np.ndarray) -> np.ndarray:
    """Find the new flat cells whose brightness was nowhere near: bool (R, C)."""
    if before is None or not fresh.any():
        return fresh
    high, low = cv2.dilate(before.mean, BESIDE), cv2.erode(before.mean, BESIDE)
    return fresh & ((now.mean > high + FAR) | (now.mean < low - FAR))


def _covering(before: Statistics | None, fresh: np.ndarray) -> np.ndarray:
    """Find the new flat cells that showed something before: bool (R, C)."""
    return fresh if before is None else fresh & (before.roughest >= COVERED)


def _whitened(now: Statistics, before: Statistics) -> np.ndarray:
    """Find cells with white in them where none was near: bool (R, C)."""
    white = cv2.compare(now.small, LIGHT, cv2.CMP_GE)
    white[cv2.dilate(before.small, AROUND) >= LIGHT] = 0
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
    """Tell which colours end in a step along the cell grid: bool (n,)."""
    few = (border >= 2 * HARD) & (hard >= 0.75 * sides) & (sides >= 2 * counts)
    many = (border >= BORDER) & (hard >= 0.5 * sides) & (sides >= 1.5 * np.sqrt(counts))
    return np.where(counts >= np.where(mid, FEW, 2 * FEW) * cells, many, few)


def _borders(
    now: Statistics, groups: Groups, against: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sum up the borders of each colour to the cells of `against`, bool (R, C).

    Returns (mean step, how many borders are hard, how many there are, mean difference in
    brightness of the cells beside them), (n,) each.
    """
    colours = groups.found.size + 1
    total, hard, sides, contrast = np.zeros((4, colours))
    for step, one, other in (
        (now.right[:, :-1], np.s_[:, :-1], np.s_[:, 1:]),
        (now.below[:-1], np.s_[:-1], np.s_[1:]),
    ):
        apart = groups.place[one] != groups.place[other]
        for mine, its in ((one, other), (other, one)):
            counted = apart & against[its]
            steps, owner = step[counted], groups.place[mine][counted]
            total += np.bincount(owner, steps, colours)
            apart_by = np.abs(now.mean[mine][counted] - now.mean[its][counted])
            contrast += np.bincount(owner, apart_by, colours)
            hard += np.bincount(owner, steps >= HARD, colours)
            sides += np.bincount(owner, minlength=colours)
    some = np.maximum(sides, 1)
    return (total / some)[:-1], hard[:-1], sides[:-1], (contrast / some)[:-1]


def _group(now: Statistics, keys: np.ndarray) -> Groups:
    flat = keys >= 0
    found, places, counts = np.unique(keys[flat], return_inverse=True, return_counts=True)
    place = np.full(keys.shape, found.size)
    place[flat] = places
    level = np.bincount(places, now.mean[flat]) / counts
    return Groups(keys, place, found, counts, level)


def _keys(colours: np.ndarray) -> np.ndarray:
    """Give each colour one number: int32 (R, C)."""
    wide = colours.astype(np.int32)
    return wide if wide.ndim == 2 else wide[..., 0] | wide[..., 1] << 8 | wide[..., 2] << 16
