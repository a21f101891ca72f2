# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Round shapes of lost pixels: a smooth field, thresholded so that the wanted share lies above.

Each shape takes the frame's size (height, width), the lost share of its pixels in (0, 1] and a
generator, and returns a bool mask of that size, True = lost. The threshold is exact to a
65536th of the field's range.
"""

import cv2
import numpy as np

COARSE = 160  # px of the longer side at which a field is worked out; it is smooth anyway
LEVELS = 1 << 16

Size = tuple[int, int]


def dirt(size: Size, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Lose a dozen ragged blobs of uneven size, as mud and leaves on the lens do."""
    y, x = _axes(size)
    field = _circles(y, x, 12, 0.6, rng)
    ragged = rng.standard_normal(field.shape, np.float32)
    for sigma, strength in ((4, 3.0), (1.5, 0.6)):
        field += strength * cv2.GaussianBlur(ragged, (0, 0), sigma)
    return threshold(field, size, ratio)


def drops(size: Size, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Lose two dozen round spots that run together where they touch, as rain on the lens does."""
    return threshold(_circles(*_axes(size), 24, 0.4, rng), size, ratio)


def sun(size: Size, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Lose a disc with rays around a point in the upper half, as the sun in the lens does."""
    y, x = _axes(size)
    dy, dx = y - rng.uniform(0.05, 0.45) * y[-1], x - rng.uniform(0.15, 0.85) * x[0, -1]
    rays = int(rng.integers(5, 9))  # blades of the iris
    angle = np.arctan2(dy, dx) + np.float32(rng.uniform(0, np.pi))
    field = 0.5 * np.abs(np.cos(rays * angle)) ** 6 - np.log(dx * dx + dy * dy + 1) / 2
    return threshold(field.astype(np.float32), size, ratio)


def brightest(frame: np.ndarray, ratio: float) -> np.ndarray:
    """Lose the brightest pixels with their surroundings, as where highlights bloom.

    frame: uint8 (H, W, 3) BGR or (H, W).
    """
    grey = frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    y, x = _axes((grey.shape[0], grey.shape[1]))
    coarse = cv2.resize(grey, (x.size, y.size), interpolation=cv2.INTER_AREA)
    bloom = cv2.GaussianBlur(coarse.astype(np.float32), (0, 0), 1.5)
    return threshold(bloom, (grey.shape[0], grey.shape[1]), ratio)


def threshold(field: np.ndarray, size: Size, ratio: float) -> np.ndarray:
    """Lose the highest `ratio` of a float32 field, resized to `size`; at least one pixel."""
    full = cv2.resize(field, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    levels = cv2.normalize(full, None, 0, LEVELS - 1, cv2.NORM_MINMAX, cv2.CV_16U)
    counts = cv2.calcHist([levels], [0], None, [LEVELS], [0, LEVELS]).ravel()
    lost = np.cumsum(counts[::-1], dtype=float)
    lost[lost == 0] = np.inf
    lowest = LEVELS - 1 - int(np.argmin(np.abs(lost - ratio * size[0] * size[1])))
    return levels >= lowest


def _axes(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """List the coarse grid's rows as (h, 1) and columns as (1, w), float32."""
    scale = min(1.0, COARSE / max(size))
    h, w = (max(1, round(side * scale)) for side in size)
    return np.arange(h, dtype=np.float32)[:, None], np.arange(w, dtype=np.float32)[None]


def _circles(
    y: np.ndarray, x: np.ndarray, count: int, spread: float, rng: np.random.Generator
) -> np.ndarray:
    """Compute max over circles of log(radius / distance to its centre), float32 (h, w).

    Radii are log-normal with deviation `spread`.
    """
    nearest = np.full((y.size, x.size), np.inf, np.float32)
    for _ in range(count):
        top, left = rng.uniform(0, y.size), rng.uniform(0, x.size)
        weight = np.float32(np.exp(-2 * spread * rng.standard_normal()))
        square = (y - np.float32(top)) ** 2 + (x - np.float32(left)) ** 2
        np.minimum(nearest, square * weight, out=nearest)
    return -np.log(nearest + 1) / 2
