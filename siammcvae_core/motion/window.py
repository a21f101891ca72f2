# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The part of a frame that a hole asks for: the hole and what lies near enough to tell of it."""

from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.motion.references import PATCH, sample


@dataclass(frozen=True)
class Window:
    """A rectangle of whole patches of a frame of working `size` (h, w), in working pixels."""

    top: int
    left: int
    bottom: int
    right: int
    size: tuple[int, int]

    @classmethod
    def around(cls, lost: np.ndarray, margin: int) -> 'Window':
        """Enclose all `lost` patches, bool (h / 16, w / 16), and a margin of so many of them."""
        rows, columns = lost.shape
        left, top, across, down = cv2.boundingRect(lost.view(np.uint8))
        return cls(
            PATCH * max(0, top - margin),
            PATCH * max(0, left - margin),
            PATCH * min(rows, top + down + margin),
            PATCH * min(columns, left + across + margin),
            (PATCH * rows, PATCH * columns),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns of the frame."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def reduced(self, scale: int) -> 'Window':
        """Give the same window in a frame reduced by `scale`, a divisor of a patch."""
        return Window(
            self.top // scale, self.left // scale, self.bottom // scale, self.right // scale,
            (self.size[0] // scale, self.size[1] // scale),
        )  # fmt: skip

    def within(self, outer: 'Window') -> 'Window':
        """Give the same window in the frame that another one cuts out."""
        top, left = outer.top, outer.left
        return Window(
            self.top - top, self.left - left, self.bottom - top, self.right - left, outer.shape
        )

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Cut it out of an image of the frame, as a view."""
        return image[self.slices]

    def moved(self, image: np.ndarray, offset: np.ndarray) -> np.ndarray:
        """Read an image of the frame at the pixels of the window moved by `offset` (.., 2)."""
        return sample(image, offset, self.top, self.left)

    def thinned(self, image: np.ndarray) -> np.ndarray:
        """Cut every second pixel of every second row out of an image of the frame."""
        return np.ascontiguousarray(self.cut(image)[::2, ::2])

    def lattice(self, image: np.ndarray, offset: np.ndarray) -> np.ndarray:
        """Read an image of the frame at the pixels of `thinned` moved by `offset` (.., 2)."""
        return sample(image, offset, self.top, self.left, step=2)
