# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The native pixels to compute: a box around the lost ones, or tiles where they lie apart."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import cv2
import numpy as np

from siammcvae_core.motion.rectangle import field_coordinates, Rectangle
from siammcvae_core.motion.warp import Pixels

TILE = 16  # pixels
DENSE = 0.4  # share of the box from which on overlapping tiles cost more than the box
MOST_ROWS = 2**15 - 1  # of an image that OpenCV remaps


class Region(Protocol):
    """Some pixels of a frame laid out as an image of `height` rows; some of them are margin.

    `Rectangle` is one, of a frame of native size. Fields cover the whole frame at any resolution,
    float32 (rows, columns) or (rows, columns, 3).
    """

    @property
    def height(self) -> int:
        """How many rows there are."""

    def pixels(self) -> Pixels:
        """Coordinates of its pixels in the frame, see `warp`."""

    def interpolate(self, field: np.ndarray) -> np.ndarray:
        """Interpolate a field at its pixels."""

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Take its pixels out of an image of native size."""

    def put(self, values: np.ndarray, image: np.ndarray) -> None:
        """Write its pixels into an image of native size."""


def region_of(mask: np.ndarray, margin: int) -> Region:
    """Enclose what is lost, bool (H, W), and `margin` pixels around it, within the frame."""
    box = Rectangle.around(mask, margin)
    most = DENSE * box.height * box.width
    if min(mask.shape) < TILE or cv2.countNonZero(mask.view(np.uint8)) > most:
        return box
    tiles = Tiles.over(mask, margin)
    return tiles if tiles.height <= MOST_ROWS and tiles.height * tiles.side <= most else box


@dataclass(frozen=True, eq=False)
class Tiles:
    """Square tiles of a frame of `size` (H, W), one below the other, each with its margin.

    Their corners without it are at `tops`, `lefts`, int (T,).
    """

    tops: np.ndarray
    lefts: np.ndarray
    margin: int
    size: tuple[int, int]
    _coordinates: dict[tuple[int, ...], Pixels] = field(default_factory=dict, init=False)

    @classmethod
    def over(cls, mask: np.ndarray, margin: int) -> 'Tiles':
        """Cover what is set in a mask, bool (H, W), TILE pixels a side at least."""
        rows, columns = mask.shape
        grid = -(-columns // TILE), -(-rows // TILE)
        padded = np.zeros((grid[1] * TILE, grid[0] * TILE), np.float32)
        padded[:rows, :columns] = mask
        touched = cv2.resize(padded, grid, interpolation=cv2.INTER_AREA)
        down, across = np.nonzero(touched)
        tops = np.minimum(down * TILE, rows - TILE)
        return cls(tops, np.minimum(across * TILE, columns - TILE), margin, (rows, columns))

    @property
    def side(self) -> int:
        """Width and height of a tile with its margins."""
        return TILE + 2 * self.margin

    @property
    def height(self) -> int:
        """How many rows they are."""
        return len(self.tops) * self.side

    def pixels(self) -> Pixels:
        """See `Region`; margins beyond the border repeat the pixels there."""
        return self._pixels

    @cached_property
    def _pixels(self) -> Pixels:
        along = np.arange(-self.margin, TILE + self.margin)
        rows, columns = self.size
        x = np.clip(self.lefts[:, None, None] + along, 0, columns - 1)
        y = np.clip(self.tops[:, None, None] + along[:, None], 0, rows - 1)
        x, y = np.broadcast_arrays(x.astype(np.float32), y.astype(np.float32))
        return x.reshape(-1, self.side), y.reshape(-1, self.side)

    def interpolate(self, field: np.ndarray) -> np.ndarray:
        """See `Region`."""
        resolution = field.shape[:2]
        if resolution not in self._coordinates:  # most fields have one
            self._coordinates[resolution] = field_coordinates(field, self.size, self._pixels)
        x, y = self._coordinates[resolution]
        return cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def cut(self, image: np.ndarray) -> np.ndarray:
        """See `Region`."""
        x, y = self._pixels
        return cv2.remap(image, x, y, cv2.INTER_NEAREST)

    def put(self, values: np.ndarray, image: np.ndarray) -> None:
        """See `Region`; margins are left out."""
        inner = slice(self.margin, self.margin + TILE)
        tiles = values.reshape(-1, self.side, *values.shape[1:])[:, inner, inner]
        along = np.arange(TILE)
        image[self.tops[:, None, None] + along[:, None], self.lefts[:, None, None] + along] = tiles
