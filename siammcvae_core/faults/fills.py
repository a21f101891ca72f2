# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fills: what stands in lost pixels, a constant or something blended in with a soft edge.

A fill takes a frame, uint8 (H, W, 3) BGR or (H, W), and its mask, bool (H, W), True = lost; it
returns a new frame, bit-identical outside the mask.
"""

import cv2
import numpy as np

Colour = tuple[int, int, int]
BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)
EMPTY_MACROBLOCKS: tuple[Colour, ...] = ((128, 128, 128), (0, 135, 0))  # YUV 128,128,128 and 0,0,0
MUD: Colour = (28, 40, 52)


def black(frame: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fill with the black of a cleared buffer."""
    return paste(frame, mask, uniform_frame(frame, BLACK))


def empty_macroblocks(frame: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fill with what decoders show for missing slices: mid grey or green."""
    return paste(frame, mask, uniform_frame(frame, EMPTY_MACROBLOCKS[int(rng.integers(2))]))


def mud(frame: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fill with one dark earth tone with a sharp edge."""
    return paste(frame, mask, uniform_frame(frame, MUD))


def paste(frame: np.ndarray, mask: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Copy the intact pixels of `frame` into `other` and return it."""
    return cv2.copyTo(frame, (~mask).view(np.uint8), other)


def uniform_frame(frame: np.ndarray, colour: Colour) -> np.ndarray:
    """Make a frame of one colour, or of its brightness for a grey frame."""
    filled = np.empty_like(frame)
    filled[0] = colour if frame.ndim == 3 else _luma(colour)
    filled[1:] = filled[0]  # row by row is ten times as fast as pixel by pixel
    return filled


def depth(mask: np.ndarray) -> np.ndarray:
    """Compute the distance of each lost pixel to the nearest intact one: float32 (H, W), in px."""
    return cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, 3)


def _luma(colour: Colour) -> int:
    """Return the grey level of a colour (an empty luma plane is black, not green)."""
    return 0 if colour == EMPTY_MACROBLOCKS[1] else round(float(np.dot(colour, (0.11, 0.59, 0.3))))
