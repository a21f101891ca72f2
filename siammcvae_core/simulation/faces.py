# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Flat textured faces in space, each drawn by its homography, far before near.

World and camera axes are x right, y down, z forward, in metres; the road lies at y = 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
import enum

import cv2
import numpy as np

NEAR = 0.3  # m, nothing nearer is drawn
Vector = tuple[float, float, float]
SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


@dataclass
class Texture:
    """A uint8 image with its anisotropic mip levels, each made when first needed."""

    image: np.ndarray
    levels: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)

    def level(self, across: int, down: int) -> np.ndarray:
        """Return the image shrunk by 2 ** (across / 2) in columns and 2 ** (down / 2) in rows."""
        key = across, down
        if key not in self.levels:
            height, width = self.image.shape[:2]
            size = (
                max(1, round(width * 2 ** (-across / 2))),
                max(1, round(height * 2 ** (-down / 2))),
            )
            self.levels[key] = cv2.resize(self.image, size, interpolation=cv2.INTER_AREA)
        return self.levels[key]


class Blend(enum.Enum):
    """How a face meets what is behind it."""

    SOLID = enum.auto()
    CUTOUT = enum.auto()
    """BGRA; holes where alpha is below half."""
    SHADE = enum.auto()
    """Multiplies, 64 = 1."""
    GLOW = enum.auto()
    """Adds."""


@dataclass(frozen=True, eq=False)
class Face:
    """A parallelogram `plane` (3, 3) of columns: edge u, edge v, corner u = v = 0.

    Its texture's columns run along u and rows along v, both in [0, 1]. It is seen from the side
    where u points right and v down. `gain` lights it, `lit` says that its texture already holds the
    light of the night, and `outline` is the convex part of the texture that exists: four (u, v).
    """

    plane: np.ndarray
    texture: Texture
    blend: Blend = Blend.SOLID
    gain: float = 1.0
    lit: bool = False
    outline: tuple[tuple[float, float], ...] = SQUARE


def plane(corner: Vector, u: Vector, v: Vector) -> np.ndarray:
    """Stack the columns of `Face.plane` from the top-left corner and the two edges there."""
    return np.array((u, v, corner), float).T


def texels(image: np.ndarray) -> np.ndarray:
    """(3, 3) from an image's px indices to (u, v)."""
    height, width = image.shape[:2]
    return np.array(((1 / width, 0, 0.5 / width), (0, 1 / height, 0.5 / height), (0, 0, 1)))


def mip_keys(shrink: np.ndarray) -> np.ndarray:
    """Compute the mip level, in half octaves, of a texture sampled every `shrink` texels."""
    return np.floor(2 * np.log2(np.clip(shrink, 1, 2**12))).astype(int)


class Canvas:
    """What is drawn on: pixels (H, W, 3) BGR and, where wanted, the label of each (H, W) int32."""

    def __init__(self, pixels: np.ndarray, labels: np.ndarray | None) -> None:
        self.pixels = pixels
        self.labels = labels

    def draw(
        self,
        faces: Sequence[Face],
        matrices: np.ndarray,
        labels: Sequence[int],
        light: np.ndarray,
        haze: np.ndarray,
        haze_colour: np.ndarray,
    ) -> None:
        """Draw faces in order.

        matrices: (N, 3, 3) from (u, v, 1) to homogeneous px whose third part is the depth in m.
        light: (N,) factor on their levels; haze: (N,) share of `haze_colour` (3,) in what is seen.
        """
        outlines = np.array([face.outline for face in faces])  # (N, 4, 2)
        corners = np.einsum('nij,nkj->nki', matrices[:, :, :2], outlines) + matrices[:, None, :, 2]
        ahead = corners[..., 2] >= NEAR
        whole = ahead.all(axis=1)
        points = corners[..., :2] / np.where(ahead, corners[..., 2], 1)[..., None]  # (N, 4, 2)
        low, high = points.min(axis=1), points.max(axis=1)
        seen = (high - low >= 1).all(axis=1) & (high >= 0).all(axis=1)
        seen &= (low < self.pixels.shape[1::-1]).all(axis=1)
        seen = np.flatnonzero(np.where(whole, seen, ahead.any(axis=1))).tolist()
        faces, matrices, outlines = [faces[i] for i in seen], matrices[seen], outlines[seen]
        keys = _sharpness(faces, matrices, outlines).tolist()
        ramps = _ramps(faces, light[seen], haze[seen], haze_colour)
        for i, (place, face) in enumerate(zip(seen, faces, strict=True)):
            shape = points[place] if whole[place] else _in_front(outlines[i], matrices[i])
            image = face.texture.level(*keys[i])
            self._draw(face, image, matrices[i] @ texels(image), shape, ramps[i], labels[place])

    def _draw(
        self,
        face: Face,
        image: np.ndarray,
        matrix: np.ndarray,
        shape: np.ndarray,
        ramp: np.ndarray,
        label: int,
    ) -> None:
        """Draw one face from `image`, whose px `matrix` maps to the canvas.

        shape: (n, 2) px of its corners; ramp: (256, 1, 3) its table of levels.
        """
        height, width = self.pixels.shape[:2]
        left, top = np.maximum(shape.min(axis=0), 0).astype(int).tolist()
        right, bottom = np.minimum(shape.max(axis=0) + 2, (width, height)).astype(int).tolist()
        if right <= left or bottom <= top:
            return
        size = right - left, bottom - top
        onto = matrix.copy()
        onto[0] -= (left + 0.5) * matrix[2]
        onto[1] -= (top + 0.5) * matrix[2]
        part = self.pixels[top:bottom, left:right]
        if face.blend is Blend.SHADE:
            patch = cv2.warpPerspective(image, onto, size, borderValue=(64, 64, 64))
            cv2.multiply(part, cv2.LUT(patch, ramp), dst=part, scale=1 / 64)
            return
        if face.blend is Blend.GLOW:
            patch = cv2.warpPerspective(image, onto, size)
            cv2.add(part, cv2.LUT(patch, ramp), dst=part)
            return
        if face.blend is Blend.CUTOUT:
            patch = cv2.warpPerspective(image, onto, size)
            mask = cv2.threshold(cv2.extractChannel(patch, 3), 127, 255, cv2.THRESH_BINARY)[1]
            patch = cv2.cvtColor(patch, cv2.COLOR_BGRA2BGR)
        else:
            patch = cv2.warpPerspective(image, onto, size, borderMode=cv2.BORDER_REPLICATE)
            mask = np.zeros((size[1], size[0]), np.uint8)
            outline = np.round((shape - (left + 0.5, top + 0.5)) * 16).astype(np.int32)
            cv2.fillConvexPoly(mask, outline, 255, shift=4)
        cv2.copyTo(cv2.LUT(patch, ramp), mask, part)
        if self.labels is not None:
            self.labels[top:bottom, left:right][mask > 0] = label


def _sharpness(faces: Sequence[Face], matrices: np.ndarray, outlines: np.ndarray) -> np.ndarray:
    """Choose the mip level (N, 2) of each face by how its texture is shrunk in its middle."""
    centres = outlines.mean(axis=1)
    middle = np.einsum('nij,nj->ni', matrices[:, :, :2], centres) + matrices[:, :, 2]
    depth = np.maximum(middle[:, 2], NEAR)[:, None, None]
    slopes = (matrices[:, :2, :2] - middle[:, :2, None] / depth * matrices[:, 2:, :2]) / depth
    sizes = np.array([face.texture.image.shape[1::-1] for face in faces])
    return mip_keys(sizes / np.maximum(np.linalg.norm(slopes, axis=1), 1e-6))


def _ramps(
    faces: Sequence[Face], light: np.ndarray, haze: np.ndarray, haze_colour: np.ndarray
) -> np.ndarray:
    """Tabulate what light and haze make of each level, uint8 (N, 256, 1, 3) for cv2.LUT."""
    shade = np.array([face.blend is Blend.SHADE for face in faces])
    glow = np.array([face.blend is Blend.GLOW for face in faces])
    gain = (np.where(shade | glow, 1, light) * (1 - haze)).astype(np.float32)
    offset = np.where(shade[:, None], 64, np.where(glow[:, None], 0, haze_colour)) * haze[:, None]
    levels = np.arange(256, dtype=np.float32)[:, None] * gain[:, None, None]
    levels = levels + (offset[:, None].astype(np.float32) + 0.5)  # (N, 256, 3)
    return np.minimum(levels, 255, out=levels).astype(np.uint8)[:, :, None]


def _in_front(outline: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Clip a convex (u, v) outline at NEAR: the px (n, 2) of the part that is beyond."""
    ahead = outline @ matrix[2, :2] + matrix[2, 2] - NEAR
    points = []
    for i in range(len(outline)):
        a, b = outline[i - 1], outline[i]
        if (ahead[i - 1] >= 0) != (ahead[i] >= 0):
            points.append(a + (b - a) * ahead[i - 1] / (ahead[i - 1] - ahead[i]))
        if ahead[i] >= 0:
            points.append(b)
    corners = np.array(points).reshape(-1, 2) @ matrix[:, :2].T + matrix[:, 2]
    return corners[:, :2] / corners[:, 2:]
