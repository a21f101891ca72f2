# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What comes over a part of the picture at once and stays: light (glare, burn) and blur (drops).

Motion brings no cell a brightness that was nowhere near it a frame ago, and takes no fine detail
from many cells side by side at once. Both tests read backwards in time tell when it is over.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.faults.detection.statistics import Statistics

NEAR = np.ones((5, 5), np.uint8)  # cells: gaps between seeds
REACH = np.ones((5, 5), np.uint8)  # quarter pixels: 8 px of motion either way
BESIDE = np.ones((3, 3), np.uint8)
FAR = np.ones((9, 9), np.uint8)  # cells: how far light falls off
LIT = 3.0  # grey levels above all that was near, mean over a cell
FAINT = 1.5  # grey levels by which cells beside lit ones brightened, to count as lit too
BLURRED = 0.55  # of the least detail that was near
GRAIN = 0.3  # grey levels of detail that are as good as none
LEAST = {'light': 0.006, 'blur': 0.005}  # of the cells, to begin
FIRST = {'light': 0.025, 'blur': 0.01}  # of the cells, taken for usual before a stream is known
USUAL = 2.0  # times what motion made of such cells lately
MOST = 0.6  # of the cells: more is the exposure or a cut
OVER = 0.4  # of the cells that began it, read backwards
FADED = 0.3  # of the strength it began with
PATIENCE = 8  # frames faded before it counts as gone
AROUND = {'light': 7, 'blur': 3}  # of 9 cells
LASTS = 5.0  # s that it is believed: what a turn brought, or a false alarm, stays
FORGET = 0.97  # per frame, of what is usual


@dataclass
class Region:
    """Where something lies.

    cells, seeds: bool (R, C), what it covers and what gave it away. level, strength: the mean of
    the seeds before, and what it added. until: stamp after which it is taken for the scene.
    faded: frames in which little of it was left.
    """

    cells: np.ndarray
    seeds: np.ndarray
    level: float
    strength: float
    until: float
    faded: int = 0


class Onsets:
    """Follows light and blur in a stream of frames of one size."""

    def __init__(self) -> None:
        self._regions: dict[str, Region | None] = {}
        self._usual = dict(FIRST)

    def find(
        self,
        now: Statistics,
        before: Statistics,
        usable: np.ndarray,
        alone: bool,
        stamp: float,
    ) -> dict[str, np.ndarray]:
        """Give the cells under light and under blur: bool (R, C) each.

        usable: bool (R, C), cells not lost for another reason, now or before. alone: whether no
        other fault came or went, so that something may begin here. stamp: seconds.
        """
        for kind, test, measure in (('light', lit, _level), ('blur', blurred, _detail)):
            if kind == 'blur':
                usable = usable & ~self._lit(now, before)
            region = self._regions.get(kind)
            if region is not None and stamp > region.until:
                region = None
            if region is not None:
                region = self._still(region, test(before, now), measure(now), usable)
            seeds = _gathered(kind, test(now, before) & usable)
            share = np.count_nonzero(seeds) / seeds.size
            begins = max(LEAST[kind], USUAL * self._usual[kind]) <= share <= MOST
            if alone and begins:
                cells = _grown(kind, seeds, now, before)
                level, was = (float(measure(s)[seeds].mean()) for s in (now, before))
                if region is not None:
                    cells, seeds = cells | region.cells, seeds | region.seeds
                region = Region(cells, seeds, was, level - was, stamp + LASTS)
            elif alone:
                self._usual[kind] = max(share, FORGET * self._usual[kind])
            self._regions[kind] = region
        return {kind: region.cells for kind, region in self._regions.items() if region}

    def _lit(self, now: Statistics, before: Statistics) -> np.ndarray:
        """Find cells where light lies or goes, which takes its own edges with it: bool (R, C)."""
        light = self._regions.get('light')
        cells = np.zeros(now.mean.shape, bool) if light is None else light.cells
        going = _gathered('light', lit(before, now))
        if np.count_nonzero(going) >= LEAST['light'] * going.size:
            cells = cells | _grown('light', going, before, now)
        return cells

    def _still(
        self, region: Region, back: np.ndarray, level: np.ndarray, usable: np.ndarray
    ) -> Region | None:
        """Drop the parts of a region that are over, by what the backward test says of them."""
        _, labels = cv2.connectedComponents(region.cells.view(np.uint8))
        seen = region.seeds & usable
        there = np.bincount(labels[seen], minlength=labels.max() + 1)
        gone = np.bincount(labels[seen & back], minlength=labels.max() + 1)
        over = (gone >= OVER * there) & (there > 0)
        over[0] = False
        if over.any():
            region.cells &= ~over[labels]
            region.seeds &= region.cells
            if not region.seeds.any():
                return None
            seen &= region.seeds
        if seen.any():
            left = (float(level[seen].mean()) - region.level) * np.sign(region.strength)
            region.faded = region.faded + 1 if left < FADED * abs(region.strength) else 0
        return region if region.faded < PATIENCE else None


def lit(now: Statistics, before: Statistics) -> np.ndarray:
    """Find cells brighter than anything near them was: bool (R, C)."""
    above = cv2.subtract(now.small, cv2.dilate(before.small, REACH))
    size = now.mean.shape[::-1]
    return cv2.resize(above, size, interpolation=cv2.INTER_AREA) >= LIT


def blurred(now: Statistics, before: Statistics) -> np.ndarray:
    """Find cells with far less detail than any beside them had: bool (R, C)."""
    left = np.median((now.detail + GRAIN) / (before.detail + GRAIN))  # by shake of the camera
    least = cv2.erode(before.detail, BESIDE)
    return now.detail + GRAIN < BLURRED * min(float(left), 1.0) * (least + GRAIN)


def _level(of: Statistics) -> np.ndarray:
    return of.mean


def _detail(of: Statistics) -> np.ndarray:
    return of.detail


def _gathered(kind: str, cells: np.ndarray) -> np.ndarray:
    """Keep the cells that have others of them around, of light the largest disc: bool (R, C)."""
    around = cv2.boxFilter(cells.view(np.uint8), cv2.CV_8U, (3, 3), normalize=False)
    gathered = cells & (around >= AROUND[kind])
    if kind == 'blur' or not gathered.any():
        return gathered
    _, labels, stats, _ = cv2.connectedComponentsWithStats(gathered.view(np.uint8))
    return labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())


def _grown(kind: str, seeds: np.ndarray, now: Statistics, before: Statistics) -> np.ndarray:
    """Close the gaps between seeds and add the faint border: bool (R, C)."""
    cells = cv2.morphologyEx(seeds.view(np.uint8), cv2.MORPH_CLOSE, NEAR)
    if kind == 'light':
        change = now.mean - before.mean
        change -= np.median(change)
        usual = 1.5 * float(np.median(np.abs(change)))  # of the motion
        fainter = (cv2.blur(change, (3, 3)) >= max(FAINT, usual)) & (cv2.dilate(cells, FAR) > 0)
        fainter |= cells > 0
        _, labels = cv2.connectedComponents(fainter.view(np.uint8))
        return np.isin(labels, np.unique(labels[cells > 0]))
    return cv2.dilate(cells, BESIDE) > 0
