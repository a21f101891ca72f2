# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Warping by displacement fields.

    warped(p) = image(p + d(p))

with the displacement d as (x, y) in pixels. `warp` of `alignment.program` in PyTorch follows the
same convention.
"""

import cv2
import numpy as np

from siammcvae_core.motion.rectangle import Rectangle

Pixels = tuple[np.ndarray, np.ndarray]
"""Coordinates x and y of pixels, float32, which broadcast to the shape (h, w) of a displacement."""


def warp(
    image: np.ndarray,
    displacement: np.ndarray,
    pixels: Pixels | None = None,
    interpolation: int = cv2.INTER_LINEAR,
) -> np.ndarray:
    """Warp an image by a displacement of `pixels`, float32 (h, w, 2); see the module.

    Without `pixels`, those of the first h rows and w columns. Beyond its border the image
    continues with the values there.
    """
    x, y = pixels or Rectangle.whole(displacement.shape).pixels()
    x, y = displacement[..., 0] + x, displacement[..., 1] + y
    return cv2.remap(image, x, y, interpolation, borderMode=cv2.BORDER_REPLICATE)


def warp_frame(
    frame: np.ndarray,
    displacement: np.ndarray,
    mask: np.ndarray,
    interpolation: int = cv2.INTER_LINEAR,
) -> np.ndarray:
    """Warp a frame, (H, W, ..), by a displacement of another resolution, where pixels are lost.

    `displacement` is float32 (h, w, 2) in its own pixels and is scaled to the frame; `mask` is
    bool (H, W). Only the box around the lost pixels is computed: the new frame is undefined
    elsewhere.
    """
    height, width = frame.shape[:2]
    box = Rectangle.around(mask)
    dx, dy = (box.cut(cv2.resize(plane, (width, height))) for plane in cv2.split(displacement))
    scale_x, scale_y = width / displacement.shape[1], height / displacement.shape[0]
    scaled = cv2.merge([dx * np.float32(scale_x), dy * np.float32(scale_y)])
    warped = np.empty_like(frame)
    box.put(warp(frame, scaled, box.pixels(), interpolation), warped)
    return warped


def compose(displacement: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Compose displacements: flow(p) + displacement(p + flow(p)); float32 (h, w, 2) all."""
    return flow + warp(displacement, flow)
