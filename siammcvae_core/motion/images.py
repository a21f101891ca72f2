# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Image gradients, magnitudes and reduced images, in NumPy and OpenCV."""

import cv2
import numpy as np


def gradients(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Image gradient of (h, w) along x and y by Sobel, float32 both, grey levels per pixel."""
    along_x = cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=1 / 8)
    return along_x, cv2.Sobel(image, cv2.CV_32F, 0, 1, scale=1 / 8)


def magnitude(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute sqrt(x² + y²) of vectors; cv2.magnitude would round by where its inputs lie."""
    return np.sqrt(x * x + y * y)


def downsample(image: np.ndarray) -> np.ndarray:
    """Average an image (h, w) over squares of 2 x 2 pixels."""
    return resize_area(image, (image.shape[1] // 2, image.shape[0] // 2))


def resize_area(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Reduce an image to `size` (width, height): means over the area of each pixel."""
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
