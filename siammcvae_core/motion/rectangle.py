# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rectangles of an image: around set pixels, cut out, interpolated, at other resolutions."""

from dataclasses import dataclass

import cv2
import numpy as np

RESIZE_SHARE = 8  # resizing a whole field costs what interpolating an eighth of its pixels does


@dataclass(frozen=True)
class Rectangle:
    """Rows from `top` and columns from `left` of an image of `size` (rows, columns), in pixels."""

    top: int
    left: int
    height: int
    width: int
    size: tuple[int, int]

    @classmethod
    def whole(cls, size: tuple[int, ...]) -> 'Rectangle':
        """Cover an image of shape `size` (rows, columns, ..)."""
        rows, columns = size[:2]
        return cls(0, 0, rows, columns, (rows, columns))

    @classmethod
    def around(cls, mask: np.ndarray, margin: int = 0) -> 'Rectangle':
        """Enclose what is set in a mask, bool (rows, columns), and a margin, within the image."""
        rows, columns = mask.shape
        left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
        bottom, right = min(top + height + margin, rows), min(left + width + margin, columns)
        top, left = max(top - margin, 0), max(left - margin, 0)
        return cls(top, left, bottom - top, right - left, (rows, columns))

    @property
    def bottom(self) -> int:
        """Its last row + 1."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """Its last column + 1."""
        return self.left + self.width

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    def enlarged(self, scale: int) -> 'Rectangle':
        """Return the same rectangle of the image enlarged by `scale`."""
        return Rectangle(
            scale * self.top, scale * self.left, scale * self.height, scale * self.width,
            (scale * self.size[0], scale * self.size[1]),
        )  # fmt: skip

    def reduced(self, scale: int) -> 'Rectangle':
        """Return the same rectangle of the image reduced by `scale`, which divides its edges."""
        top, left = self.top // scale, self.left // scale
        height, width = self.bottom // scale - top, self.right // scale - left
        size = self.size[0] // scale, self.size[1] // scale
        return Rectangle(top, left, height, width, size)

    def within(self, outer: 'Rectangle') -> 'Rectangle':
        """Return the same rectangle of the image that `outer` cuts out."""
        top, left = self.top - outer.top, self.left - outer.left
        return Rectangle(top, left, self.height, self.width, outer.shape)

    def cut(self, image: np.ndarray, stride: int = 1) -> np.ndarray:
        """Cut it out of an image, every `stride`-th row and column, as a view."""
        return image[self.top : self.bottom : stride, self.left : self.right : stride]

    def put(self, values: np.ndarray, image: np.ndarray) -> None:
        """Write its pixels into an image."""
        self.cut(image)[:] = values

    def pixels(self, stride: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates of the pixels of `cut`: x (width,) and y (height, 1), float32."""
        x = np.arange(self.left, self.right, stride, dtype=np.float32)
        return x, np.arange(self.top, self.bottom, stride, dtype=np.float32)[:, None]

    def interpolate(self, field: np.ndarray) -> np.ndarray:
        """Interpolate a field over the whole image, float32 (h, w) or (h, w, 3), at its pixels."""
        rows, columns = self.size
        if RESIZE_SHARE * self.height * self.width >= rows * columns:
            return self.cut(cv2.resize(field, (columns, rows)))
        corner = np.float32(self.left), np.float32(self.top)
        x, y = field_coordinates(field, self.size, corner)
        scale_x, scale_y = field.shape[1] / columns, field.shape[0] / rows
        matrix = np.array([[scale_x, 0, x], [0, scale_y, y]])
        return cv2.warpAffine(
            field, matrix, (self.width, self.height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip


def field_coordinates(
    field: np.ndarray, size: tuple[int, int], pixels: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates in a field (h, w, ..) of pixels (x, y) of an image of `size` (rows, columns).

    Pixel centres lie at whole numbers, so that x of the field is (x + 1/2) w / columns - 1/2.
    """
    x, y = pixels
    rows, columns = field.shape[:2]
    scale_x, scale_y = np.float32(columns / size[1]), np.float32(rows / size[0])
    half = np.float32(0.5)
    return (x + half) * scale_x - half, (y + half) * scale_y - half
