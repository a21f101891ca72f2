# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The native pixels to compute: a box around the lost ones, or tiles where they lie apart."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import cv2
import numpy as np

WHOLE = 8  # to resize so many pixels is quicker than to interpolate one of a box
TILE = 16  # pixels
DENSE = 0.4  # of the box that tiles, overlapping as they do, may be: beyond, the box is quicker
MOST_ROWS = 2**15 - 1  # of a picture that OpenCV remaps


class Region(Protocol):
    """Some pixels of a frame laid out as a picture of `height` rows, some of which are but margin.

    Maps are of the whole frame at any resolution, float32 (rows, columns) or (rows, columns, 3).
    """

    @property
    def height(self) -> int:
        """How many rows there are."""

    def of(self, plane: np.ndarray) -> np.ndarray:
        """Interpolate a map at its pixels."""

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Take its pixels out of an image of native size."""

    def moved(self, image: np.ndarray, dx: np.ndarray, dy: np.ndarray, how: int) -> np.ndarray:
        """Read an image of native size at its pixels moved by `dx`, `dy`, which are used up.

        `how` as in `sample`.
        """

    def put(self, values: np.ndarray, image: np.ndarray) -> None:
        """Write its pixels into an image of native size."""


def region_of(mask: np.ndarray, margin: int) -> Region:
    """Enclose what is lost, bool (H, W), and so many pixels around it as far as the frame goes."""
    box = Box.around(mask, margin)
    most = DENSE * box.height * box.width
    if min(mask.shape) < TILE or cv2.countNonZero(mask.view(np.uint8)) > most:
        return box
    tiles = Tiles.over(mask, margin)
    return tiles if tiles.height <= MOST_ROWS and tiles.height * tiles.side <= most else box


@dataclass(frozen=True)
class Box:
    """A rectangle of a frame of `size` (H, W)."""

    top: int
    left: int
    height: int
    width: int
    size: tuple[int, int]

    @classmethod
    def around(cls, mask: np.ndarray, margin: int) -> 'Box':
        """Enclose what is set in a mask, bool (H, W), and a margin as far as the frame goes."""
        rows, columns = mask.shape
        left, top, across, down = cv2.boundingRect(mask.view(np.uint8))
        bottom, right = min(top + down + margin, rows), min(left + across + margin, columns)
        top, left = max(top - margin, 0), max(left - margin, 0)
        return cls(top, left, bottom - top, right - left, (rows, columns))

    def of(self, plane: np.ndarray) -> np.ndarray:
        """See `Region`."""
        rows, columns = self.size
        if WHOLE * self.height * self.width >= rows * columns:
            return self.cut(cv2.resize(plane, (columns, rows)))
        x, y = _places(plane, self.size, np.float32(self.left), np.float32(self.top))
        scale_x, scale_y = plane.shape[1] / columns, plane.shape[0] / rows
        matrix = np.array([[scale_x, 0, x], [0, scale_y, y]])
        return cv2.warpAffine(
            plane, matrix, (self.width, self.height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip

    def cut(self, image: np.ndarray) -> np.ndarray:
        """See `Region`; a view."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]

    def moved(self, image: np.ndarray, dx: np.ndarray, dy: np.ndarray, how: int) -> np.ndarray:
        """See `Region`."""
        dx += np.arange(self.left, self.left + self.width, dtype=np.float32)
        dy += np.arange(self.top, self.top + self.height, dtype=np.float32)[:, None]
        return cv2.remap(image, dx, dy, how, borderMode=cv2.BORDER_REPLICATE)

    def put(self, values: np.ndarray, image: np.ndarray) -> None:
        """See `Region`."""
        self.cut(image)[:] = values


@dataclass(frozen=True, eq=False)
class Tiles:
    """Square tiles of a frame of `size` (H, W), one below the other, each with its margin.

    Their corners without it are at `tops`, `lefts`, int (T,).
    """

    tops: np.ndarray
    lefts: np.ndarray
    margin: int
    size: tuple[int, int]
    _places: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]] = field(
        default_factory=dict, init=False
    )

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

    def of(self, plane: np.ndarray) -> np.ndarray:
        """See `Region`."""
        resolution = plane.shape[:2]
        if resolution not in self._places:  # most maps have one
            self._places[resolution] = _places(plane, self.size, *self._pixels)
        x, y = self._places[resolution]
        return cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def cut(self, image: np.ndarray) -> np.ndarray:
        """See `Region`."""
        x, y = self._pixels
        return cv2.remap(image, x, y, cv2.INTER_NEAREST)

    def moved(self, image: np.ndarray, dx: np.ndarray, dy: np.ndarray, how: int) -> np.ndarray:
        """See `Region`."""
        x, y = self._pixels
        dx += x
        dy += y
        return cv2.remap(image, dx, dy, how, borderMode=cv2.BORDER_REPLICATE)

    def put(self, values: np.ndarray, image: np.ndarray) -> None:
        """See `Region`; margins are left out."""
        inner = slice(self.margin, self.margin + TILE)
        tiles = values.reshape(-1, self.side, *values.shape[1:])[:, inner, inner]
        along = np.arange(TILE)
        image[self.tops[:, None, None] + along[:, None], self.lefts[:, None, None] + along] = tiles

    @cached_property
    def _pixels(self) -> tuple[np.ndarray, np.ndarray]:
        """Give x and y of every pixel, float32 both; at the edges of the frame those go on."""
        along = np.arange(-self.margin, TILE + self.margin)
        rows, columns = self.size
        x = np.clip(self.lefts[:, None, None] + along, 0, columns - 1)
        y = np.clip(self.tops[:, None, None] + along[:, None], 0, rows - 1)
        x, y = np.broadcast_arrays(x.astype(np.float32), y.astype(np.float32))
        return x.reshape(-1, self.side), y.reshape(-1, self.side)


def _places(
    plane: np.ndarray, size: tuple[int, int], x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where in a map pixels of a frame of `size` (H, W) are: (p + 1/2) * scale - 1/2."""
    rows, columns = plane.shape[:2]
    scale_x, scale_y = np.float32(columns / size[1]), np.float32(rows / size[0])
    half = np.float32(0.5)
    return (x + half) * scale_x - half, (y + half) * scale_y - half
