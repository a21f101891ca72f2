# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What comes over a part of the picture at once and stays: light (glare) and blur (drops).

Both are seen to begin; both tests read backwards in time tell when it is over.
"""

from dataclasses import dataclass, replace
from types import ModuleType

import cv2
import numpy as np

from siammcvae_core.detection import blur
from siammcvae_core.detection import glare as light
from siammcvae_core.detection.frame_statistics import beside, Statistics

KINDS: dict[str, ModuleType] = {'light': light, 'blur': blur}
LEAST = {'light': 0.006, 'blur': 0.02}  # of the cells, to begin
FIRST = {'light': 0.025, 'blur': 0.03}  # of the cells, taken for usual before a stream is known
USUAL = {'light': 2.0, 'blur': 1.6}  # times what motion made of such cells lately
DAZZLED = 0.05  # of the cells that light comes over or leaves: too much changes to see drops come
BURNING = 0.02  # of the cells that burn out or no more, likewise
MOST = 0.6  # of the cells: more is the exposure or a cut
OVER = 0.4  # of the cells that began it, read backwards
FADED = 0.3  # of the strength it began with
PATIENCE = {'light': 8, 'blur': 3}  # frames faded before it counts as gone
YOUNG = 3  # frames within which what is no fault goes as it came
FLEETING = {'light': 0.3, 'blur': 0.6}  # of the strength, while it is young: less is none at all
GLOW = 6.0  # grey levels brighter in the cells around what is burnt, or it is no glare
LASTS = 5.0  # s that it is believed: what a turn brought, or a false alarm, stays
FORGET = 0.97  # per frame, of what is usual


@dataclass
class LensRegion:
    """Where something lies.

    cells, seeds: bool (R, C), what it covers and what gave it away. was, then: float32 (R, C), the
    level before it began, and when it did. until: stamp after which it is taken for the scene.
    faded, age: int (R, C), frames in which little of it was left, and since it began.
    """

    cells: np.ndarray
    seeds: np.ndarray
    was: np.ndarray
    then: np.ndarray
    until: float
    faded: np.ndarray
    age: np.ndarray


@dataclass(frozen=True, eq=False)
class Step:
    """A frame and the one before it.

    usable: bool (R, C), cells not lost for another reason, now or before. burnt: bool (R, C), now.
    alone: whether no other fault came or went, so that something may begin. stamp: seconds.
    """

    now: Statistics
    before: Statistics
    usable: np.ndarray
    burnt: np.ndarray
    alone: bool
    stamp: float


class Onsets:
    """Follows light and blur in a stream of frames of one size."""

    def __init__(self) -> None:
        self._regions: dict[str, LensRegion | None] = {}
        self._usual = dict(FIRST)
        self._burnt: np.ndarray | None = None

    @property
    def glares(self) -> bool:
        """Tell whether light lies over the last frame."""
        return self._regions.get('light') is not None

    def find(self, step: Step) -> dict[str, np.ndarray]:
        """Give the cells under light and under blur: bool (R, C) each."""
        now, before, burnt = step.now, step.before, step.burnt
        self._size = burnt.shape
        last, self._burnt = self._burnt, burnt
        if last is None:
            last = burnt
        size = burnt.size
        coming = light.seeds(now, before, step.usable)
        going = light.seeds(before, now, step.usable)
        lit = self._cells('light')
        self._follow('light', coming, going, step)
        lit = lit | self._cells('light') | beside(burnt | last)
        dazzled = np.count_nonzero(burnt ^ last) > BURNING * size
        dazzled |= max(map(np.count_nonzero, (coming, going))) > DAZZLED * size
        clear = step.usable & ~lit
        covered = self._cells('blur')
        seeds, back = (blur.seeds(*pair, clear, covered) for pair in ((now, before), (before, now)))
        self._follow(
            'blur', seeds, back, replace(step, usable=clear, alone=step.alone and not dazzled)
        )
        return {kind: region.cells for kind, region in self._regions.items() if region}

    def _follow(self, kind: str, seeds: np.ndarray, back: np.ndarray, step: Step) -> None:
        """Drop what is over of a kind and add what begins."""
        region, covered = self._regions.get(kind), self._cells(kind)
        if region is not None and step.stamp > region.until:
            region = None
        if region is not None:
            region = _still(region, kind, back, step)
        share = np.count_nonzero(seeds) / seeds.size
        begins = max(LEAST[kind], USUAL[kind] * self._usual[kind]) <= share <= MOST
        if step.alone and begins:
            cells = KINDS[kind].grown(seeds, step.now, step.before, step.usable, covered)
            if kind == 'blur' or _glows(step, cells):
                region = _united(region, kind, cells, seeds, step)
        elif step.alone:
            self._usual[kind] = max(share, FORGET * self._usual[kind])
        self._regions[kind] = region

    def _cells(self, kind: str) -> np.ndarray:
        """Copy the cells of a kind, bool (R, C)."""
        region = self._regions.get(kind)
        return np.zeros(self._size, bool) if region is None else region.cells.copy()


def _glows(step: Step, cells: np.ndarray) -> bool:
    """Tell glare from highlights that burn out, which follow the scene, by the light around."""
    white = step.burnt
    around = beside(white) & ~white & cells
    if not around.any():
        return not white.any()
    change = step.now.mean - step.before.mean
    elsewhere = float(np.median(change[~cells])) if not cells.all() else 0.0
    return float(np.median(change[around])) - elsewhere >= GLOW


def _united(
    region: LensRegion | None, kind: str, cells: np.ndarray, seeds: np.ndarray, step: Step
) -> LensRegion:
    """Add what begins to what there is of a kind."""
    level = KINDS[kind].level
    was, then = level(step.before).copy(), level(step.now).copy()
    faded, age = np.zeros((2, *cells.shape), int)
    if region is not None:
        old = region.cells & ~cells
        was[old], then[old] = region.was[old], region.then[old]
        faded[old], age[old] = region.faded[old], region.age[old]
        cells, seeds = cells | region.cells, seeds | region.seeds
    return LensRegion(cells, seeds, was, then, step.stamp + LASTS, faded, age)


def _still(region: LensRegion, kind: str, back: np.ndarray, step: Step) -> LensRegion | None:
    """Drop the parts of a region that are over, by what the backward test says of them."""
    count, labels = cv2.connectedComponents(region.cells.view(np.uint8))
    seen = region.seeds & step.usable
    part = labels[seen]
    there, gone = np.bincount(part, minlength=count), np.bincount(labels[seen & back], None, count)
    left = np.bincount(part, (KINDS[kind].level(step.now) - region.was)[seen], count)
    strength = np.bincount(part, (region.then - region.was)[seen], count)
    share = left * np.sign(strength) / np.maximum(np.abs(strength), 1e-6)
    young, seen_at_all = region.age < YOUNG, (there > 0)[labels]
    region.age += 1
    little = (share < FADED)[labels]
    region.faded = np.where(seen_at_all, (region.faded + 1) * little, region.faded)
    over = ((gone >= OVER * there) & (there > 0))[labels] | (region.faded >= PATIENCE[kind])
    over |= young & seen_at_all & (share < FLEETING[kind])[labels]
    region.cells &= ~over
    region.seeds &= region.cells
    return region if region.seeds.any() else None
