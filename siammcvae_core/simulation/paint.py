# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Basic textures of the rendered drive: noise, stains, plain colour, halos and shadows.

Images are uint8 BGR, or BGRA where a surface has holes.
"""

import cv2
import numpy as np

Image = np.ndarray


def clouds(rng: np.random.Generator, size: tuple[int, int], coarse: int, octaves: int) -> Image:
    """Make fractal noise (height, width) float32 of mean 0 and deviation 1, tiling down the rows.

    `coarse` is the cell size in px of the first octave; each further one halves it.
    """
    height, width = size
    total = np.zeros(size, np.float32)
    for octave in range(octaves):
        cell = max(coarse >> octave, 1)
        grid = rng.standard_normal((max(height // cell, 1), width // cell + 2)).astype(np.float32)
        grid = np.concatenate([grid[-2:], grid, grid[:2]])
        pad = round(2 * height / (len(grid) - 4))
        smooth = cv2.resize(grid, (width, height + 2 * pad), interpolation=cv2.INTER_CUBIC)
        total += smooth[pad : pad + height] * 0.55**octave
    return (total - total.mean()) / total.std()


def grained(
    rng: np.random.Generator,
    size: tuple[int, int],
    colour: tuple[int, ...],
    coarse: float,
    fine: float,
) -> Image:
    """Paint float32 (height, width, 3) of one colour with stains and speckle.

    `coarse` and `fine` are their deviations in grey levels.
    """
    height, width = size
    noise = coarse * clouds(rng, size, max(min(height, width) // 4, 2), 4)
    noise += fine * rng.standard_normal(size).astype(np.float32)
    return np.asarray(colour, np.float32) + noise[..., None]


def to_image(values: Image) -> Image:
    """Round float levels to uint8."""
    return np.clip(values, 0, 255).astype(np.uint8)


def paint_glow(colour: tuple[int, int, int], core: float) -> Image:
    """Paint a light's halo to be added, 64x64; `core` is the radius of its burnt-out middle."""
    axis = np.linspace(-1, 1, 64)
    radius = np.hypot(axis[:, None], axis)
    fall = np.clip(0.55 * np.exp(-3.5 * radius) + (radius < core), 0, 1)
    fall *= np.clip(4 * (1 - radius), 0, 1)
    heart = np.clip(1.6 - radius / core, 0, 1)[..., None]
    return to_image(fall[..., None] * (np.array(colour) * (1 - heart) + 255 * heart))


def paint_pool(gain: tuple[float, float, float], soft: float) -> Image:
    """Paint a round patch of gains to multiply by, 64 = unchanged; shadows are below."""
    axis = np.linspace(-1, 1, 64)
    radius = np.hypot(axis[:, None], axis)
    weight = np.clip((1 - radius) / soft, 0, 1)[..., None] ** 1.5
    return to_image(64 * (1 + weight * (np.array(gain) - 1)))


def flat(colour: tuple[int, ...], size: tuple[int, int] = (8, 8)) -> Image:
    """Fill (height, width) with one colour."""
    return np.full((*size, 3), colour, np.uint8)
