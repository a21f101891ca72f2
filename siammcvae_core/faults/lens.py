# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Faults of the lens: dirt, rain, glare of the sun, highlights that burn out.

All have a soft edge, in which the frame shows through as it does in a real camera; a drop shows a
blur of what is behind it, and glare adds to it. Every pixel they touch is marked as lost.
"""

import cv2
import numpy as np

from siammcvae_core.faults.blobs import brightest
from siammcvae_core.faults.fills import depth, MUD, paste, uniform_frame, WHITE
from siammcvae_core.faults.history import CameraHistory

SOFT = 0.012  # of the longer side: how far something out of focus on the lens fades
BLUR = 32  # px across the longer side: all that is left of a frame behind drops
GLARE = 1.8  # light at the sun's middle, 1 = white; above 1 the middle is a white disc
WARM = (0.86, 0.95, 1.0)  # of the sun, BGR


def smear(frame: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cover the lost pixels with dark earth, opaque except for a soft edge."""
    return _blend(frame, mask, uniform_frame(frame, MUD))


def refract(frame: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur the lost pixels beyond recognition with what is around them."""
    height, width = frame.shape[:2]
    scale = BLUR / max(height, width)
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    coarse = cv2.resize(frame, small, interpolation=cv2.INTER_AREA)
    blurred = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return _blend(frame, mask, blurred)


def dazzle(frame: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add light to the lost pixels, at least one grey level.

    frame <- frame + 255 * 1.8 * (depth / largest depth)^1.5 + 1
    """
    deep = depth(mask)
    deep *= np.float32(1 / max(float(deep.max()), 1.0))
    light = deep * np.sqrt(deep)  # falls softly to the edge and leaves the rays in sight
    colours = WARM if frame.ndim == 3 else (1.0,)
    levels = [cv2.convertScaleAbs(light, alpha=255 * GLARE * c, beta=1) for c in colours]
    return paste(frame, mask, cv2.add(frame, cv2.merge(levels)))


def burn(
    frame: np.ndarray, ratio: float, rng: np.random.Generator, history: CameraHistory
) -> tuple[np.ndarray, np.ndarray]:
    """Clip the brightest `ratio` of the frame to white with what lies around it: (frame, mask).

    Which pixels are lost follows from the frame, not from `rng`.
    """
    mask = brightest(frame, ratio)
    return _blend(frame, mask, uniform_frame(frame, WHITE)), mask


def _blend(frame: np.ndarray, mask: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """Blend `layer` over the lost pixels, opaque except for a soft edge inside the mask.

    frame <- (1 - a) frame + a layer,    a = min(depth / edge, 1)
    """
    edge = max(2.0, SOFT * max(frame.shape))
    opaque = np.minimum(depth(mask) * np.float32(1 / edge), np.float32(1))
    return paste(frame, mask, cv2.blendLinear(frame, layer, 1 - opaque, opaque))
