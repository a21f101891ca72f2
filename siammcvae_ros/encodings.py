# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Image encodings: from a message's pixels to a core frame and back. NumPy and OpenCV only."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Encoding:
    """How an encoding lies in memory and how OpenCV converts it to and from BGR."""

    channels: int
    to_bgr: int | None = None
    from_bgr: int | None = None


ENCODINGS: dict[str, Encoding] = {
    'bgr8': Encoding(3),
    'rgb8': Encoding(3, cv2.COLOR_RGB2BGR, cv2.COLOR_BGR2RGB),
    'mono8': Encoding(1),
    'bgra8': Encoding(4, cv2.COLOR_BGRA2BGR, cv2.COLOR_BGR2BGRA),
    'rgba8': Encoding(4, cv2.COLOR_RGBA2BGR, cv2.COLOR_BGR2RGBA),
    '8UC1': Encoding(1),
    '8UC3': Encoding(3),
}


def to_frame(pixels: np.ndarray, encoding: str) -> np.ndarray:
    """Turn an image view into a core frame: C-contiguous uint8, BGR (H, W, 3) or grey (H, W).

    Shares the view's memory where the layout already fits.
    """
    code = ENCODINGS[encoding].to_bgr
    if code is not None:
        return cv2.cvtColor(pixels, code)
    return np.ascontiguousarray(pixels)


def restored_pixels(
    pixels: np.ndarray, encoding: str, frame: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """Bring a restored core frame back into the encoding of its input.

    `pixels` is the input's view in `encoding`; `frame` the restored core frame, kept pixels already
    pasted; `mask` bool (H, W), True where `frame` holds made-up pixels. Kept pixels come from
    `pixels` (alpha too, which `frame` does not have); made-up ones become opaque.
    """
    code = ENCODINGS[encoding].from_bgr
    if code is None:
        return frame
    return cv2.copyTo(cv2.cvtColor(frame, code), mask.view(np.uint8), pixels.copy())
