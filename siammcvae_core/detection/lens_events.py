# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Events on the lens: light (glare) and blur (drops) that come over a part of the picture and stay.

An event begins where its test finds seeds between two frames, more of them than the background of
such cells that motion makes. It ends where the same test, read backwards in time, finds them again,
or where little of its strength is left. With `level` what the event changes (brightness, detail),

    strength left = (level_now - level_before) / (level_onset - level_before)

summed over the seeds of each connected part; below 0.3 for some frames the part is over.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np

from siammcvae_core.detection.blur import Blur
from siammcvae_core.detection.frame_statistics import dilated, FramePair, FrameStatistics
from siammcvae_core.detection.glare import Glare

DAZZLED = 0.05  # of the cells that light comes over or leaves: too much changes to see drops come
BURNING = 0.02  # of the cells that burn out or no more, likewise
MOST = 0.6  # of the cells: more is the exposure or a cut
OVER = 0.4  # of the seeds, found by the backward test
FADED = 0.3  # of the strength at onset
YOUNG = 3  # frames within which what is no fault goes as it came
GLOW = 6.0  # grey levels brighter in the cells around what is burnt, or it is no glare
LASTS = 5.0  # s after which an event is taken for the scene: a false alarm stays no longer
FORGET = 0.97  # per frame, of the background


class LensEvent(Protocol):
    """A kind of event and how it is tested for.

    name: its class in `Detection`. least: share of the cells to begin. first_background: share of
    the cells assumed as background before the stream is known. over_background: share of the seeds
    over the background to begin. patience: frames faded before it is over. least_young: strength
    left while it is young, or it was none.
    """

    name: str
    least: float
    first_background: float
    over_background: float
    patience: int
    least_young: float

    def seeds(self, pair: FramePair, covered: np.ndarray) -> np.ndarray:
        """Find cells that the event surely came over: bool (R, C).

        covered: bool (R, C), cells already under such an event.
        """
        ...

    def grow(self, seeds: np.ndarray, pair: FramePair, covered: np.ndarray) -> np.ndarray:
        """Add the cells around seeds that a weaker test finds: bool (R, C)."""
        ...

    def level(self, statistics: FrameStatistics) -> np.ndarray:
        """Return what the event changes: float32 (R, C)."""
        ...


GLARE, BLUR = Glare(), Blur()


@dataclass
class LensRegion:
    """Where an event lies.

    cells, seeds: bool (R, C), all it covers and those it was found by. level_before, level_onset:
    float32 (R, C), the level before it began and when it did. until: seconds, the stamp after which
    it is taken for the scene. faded, age: int (R, C), frames in which little of it was left, and
    frames since it began.
    """

    cells: np.ndarray
    seeds: np.ndarray
    level_before: np.ndarray
    level_onset: np.ndarray
    until: float
    faded: np.ndarray
    age: np.ndarray


class LensEvents:
    """Follows light and blur in a stream of frames of one size."""

    def __init__(self) -> None:
        self._regions: dict[str, LensRegion | None] = {}
        self._background = {event.name: event.first_background for event in (GLARE, BLUR)}
        self._burnt: np.ndarray | None = None

    @property
    def has_glare(self) -> bool:
        """Whether light lies over the last frame."""
        return self._regions.get(GLARE.name) is not None

    def find(self, pair: FramePair) -> dict[str, np.ndarray]:
        """Find the cells under each event, bool (R, C), by its name."""
        burnt = pair.burnt
        self._size = burnt.shape
        burnt_before, self._burnt = self._burnt, burnt
        if burnt_before is None:
            burnt_before = burnt
        lit = self._cells(GLARE)
        coming, going = GLARE.seeds(pair, lit), GLARE.seeds(pair.reversed, lit)
        self._update(GLARE, coming, going, pair)
        lit = lit | self._cells(GLARE) | dilated(burnt | burnt_before)
        dazzled = np.count_nonzero(burnt ^ burnt_before) > BURNING * burnt.size
        dazzled |= max(map(np.count_nonzero, (coming, going))) > DAZZLED * burnt.size
        alone = bool(pair.alone and not dazzled)
        clear, covered = replace(pair, usable=pair.usable & ~lit, alone=alone), self._cells(BLUR)
        coming, going = BLUR.seeds(clear, covered), BLUR.seeds(clear.reversed, covered)
        self._update(BLUR, coming, going, clear)
        return {name: region.cells for name, region in self._regions.items() if region}

    def _update(
        self, event: LensEvent, coming: np.ndarray, going: np.ndarray, pair: FramePair
    ) -> None:
        """Drop the parts of an event that are over and add what begins."""
        region, covered = self._regions.get(event.name), self._cells(event)
        if region is not None and pair.stamp > region.until:
            region = None
        if region is not None:
            region = _remaining(region, event, going, pair)
        share = np.count_nonzero(coming) / coming.size
        background = self._background[event.name]
        begins = max(event.least, event.over_background * background) <= share <= MOST
        if pair.alone and begins:
            cells = event.grow(coming, pair, covered)
            if event is not GLARE or _is_glare(pair, cells):
                region = _merged(region, event, cells, coming, pair)
        elif pair.alone:
            self._background[event.name] = max(share, FORGET * background)
        self._regions[event.name] = region

    def _cells(self, event: LensEvent) -> np.ndarray:
        """Copy the cells under an event, bool (R, C)."""
        region = self._regions.get(event.name)
        return np.zeros(self._size, bool) if region is None else region.cells.copy()


def _is_glare(pair: FramePair, cells: np.ndarray) -> bool:
    """Tell glare from highlights that burn out, which follow the scene, by the light around them.

    With dI the change of a cell's brightness it is glare if

        median(dI around what is burnt) - median(dI elsewhere) >= 6 grey levels
    """
    burnt = pair.burnt
    around = dilated(burnt) & ~burnt & cells
    if not around.any():
        return not burnt.any()
    change = pair.now.mean - pair.before.mean
    elsewhere = float(np.median(change[~cells])) if not cells.all() else 0.0
    return float(np.median(change[around])) - elsewhere >= GLOW


def _merged(
    region: LensRegion | None,
    event: LensEvent,
    cells: np.ndarray,
    seeds: np.ndarray,
    pair: FramePair,
) -> LensRegion:
    """Add what begins to the region that there is of an event."""
    before, onset = event.level(pair.before).copy(), event.level(pair.now).copy()
    faded, age = np.zeros((2, *cells.shape), int)
    if region is not None:
        old = region.cells & ~cells
        before[old], onset[old] = region.level_before[old], region.level_onset[old]
        faded[old], age[old] = region.faded[old], region.age[old]
        cells, seeds = cells | region.cells, seeds | region.seeds
    return LensRegion(cells, seeds, before, onset, pair.stamp + LASTS, faded, age)


def _remaining(
    region: LensRegion, event: LensEvent, going: np.ndarray, pair: FramePair
) -> LensRegion | None:
    """Drop the connected parts of a region that are over; None if none is left.

    going: bool (R, C), seeds of the backward test.
    """
    count, labels = cv2.connectedComponents(region.cells.view(np.uint8))
    seen = region.seeds & pair.usable
    part = labels[seen]
    there, gone = np.bincount(part, minlength=count), np.bincount(labels[seen & going], None, count)
    left = np.bincount(part, (event.level(pair.now) - region.level_before)[seen], count)
    strength = np.bincount(part, (region.level_onset - region.level_before)[seen], count)
    share = left * np.sign(strength) / np.maximum(np.abs(strength), 1e-6)
    young, seen_at_all = region.age < YOUNG, (there > 0)[labels]
    region.age += 1
    little = (share < FADED)[labels]
    region.faded = np.where(seen_at_all, (region.faded + 1) * little, region.faded)
    over = ((gone >= OVER * there) & (there > 0))[labels] | (region.faded >= event.patience)
    over |= young & seen_at_all & (share < event.least_young)[labels]
    region.cells &= ~over
    region.seeds &= region.cells
    return region if region.seeds.any() else None
