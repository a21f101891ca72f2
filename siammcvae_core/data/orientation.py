# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames the way they are shown: rotated and reflected as their display matrix says."""

import av
import numpy as np


def upright(frame: av.VideoFrame, image: np.ndarray) -> np.ndarray:
    """Rotate and reflect the image (H, W, C) of a decoded frame, by quarter turns; C-contiguous.

    The display matrix takes the pixel at (x, y) to

        (a x + c y, b x + d y).
    """
    a, b, c, d = _matrix(frame)
    if is_transposed(frame):
        image, x, y = image.swapaxes(0, 1), c, b
    else:
        x, y = a, d
    return np.ascontiguousarray(image[:: -1 if y < 0 else 1, :: -1 if x < 0 else 1])


def is_transposed(frame: av.VideoFrame) -> bool:
    """Tell whether columns become rows, as in a quarter turn."""
    a, b, c, d = _matrix(frame)
    return abs(b) + abs(c) > abs(a) + abs(d)


def _matrix(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    data = frame.side_data.get('DISPLAYMATRIX')
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d = np.frombuffer(data, np.int32)[:5].tolist()
    return a, b, c, d
