# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Image encodings of ROS: from a message's bytes to pixels, to a core frame, and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from siammcvae_core.errors import FrameError


@dataclass(frozen=True)
class Encoding:
    """Memory layout of an encoding and its OpenCV conversions to and from BGR.

    `bayer` is the BGR channel of each pixel of the 2 x 2 pattern, row by row. `luma` is the byte of
    a 4:2:2 pixel that is its luma; the other one is U in even columns and V in odd ones, for both.
    """

    channels: int
    to_bgr: int | None = None
    from_bgr: int | None = None
    bayer: tuple[int, int, int, int] | None = None
    luma: int | None = None


_B, _G, _R = range(3)
_UYVY = Encoding(2, cv2.COLOR_YUV2BGR_UYVY, luma=1)
_YUYV = Encoding(2, cv2.COLOR_YUV2BGR_YUY2, luma=0)


ENCODINGS: dict[str, Encoding] = {
    'bgr8': Encoding(3),
    'rgb8': Encoding(3, cv2.COLOR_RGB2BGR, cv2.COLOR_BGR2RGB),
    'mono8': Encoding(1),
    'bgra8': Encoding(4, cv2.COLOR_BGRA2BGR, cv2.COLOR_BGR2BGRA),
    'rgba8': Encoding(4, cv2.COLOR_RGBA2BGR, cv2.COLOR_BGR2RGBA),
    '8UC1': Encoding(1),
    '8UC3': Encoding(3),
    'yuv422': _UYVY,
    'uyvy': _UYVY,
    'yuv422_yuy2': _YUYV,
    'yuyv': _YUYV,
    # OpenCV names a pattern by its second row's second and third pixels, ROS by its first row.
    'bayer_rggb8': Encoding(1, cv2.COLOR_BayerBG2BGR, bayer=(_R, _G, _G, _B)),
    'bayer_bggr8': Encoding(1, cv2.COLOR_BayerRG2BGR, bayer=(_B, _G, _G, _R)),
    'bayer_gbrg8': Encoding(1, cv2.COLOR_BayerGR2BGR, bayer=(_G, _B, _R, _G)),
    'bayer_grbg8': Encoding(1, cv2.COLOR_BayerGB2BGR, bayer=(_G, _R, _B, _G)),
}

# Y, U, V from B, G, R and 1: BT.601, limited range (16 to 235); the inverse of `_UYVY.to_bgr`.
_YUV = np.array(
    [
        [0.098, 0.504, 0.257, 16.0],
        [0.439, -0.291, -0.148, 128.0],
        [-0.071, -0.368, 0.439, 128.0],
    ]
)


def image_view(msg: Any, encodings: Sequence[str] = tuple(ENCODINGS)) -> np.ndarray:
    """View the pixels of a sensor_msgs/Image without copying them, whoever deserialised it.

    Returns a uint8 view, (H, W, C) or (H, W) for one channel, rows `step` bytes apart. It shares
    the message's memory, so the message must not be written to while the view lives.

    Raises FrameError `unsupported_encoding`, `empty_image` or `malformed_image` (a `step` or data
    length that contradicts height and width, or pairs of pixels in an odd width).
    """
    if msg.encoding not in encodings:
        raise FrameError(
            'unsupported_encoding',
            f"encoding '{msg.encoding[:40]}' is not one of {', '.join(encodings)}",
        )
    encoding = ENCODINGS[msg.encoding]
    if encoding.luma is not None and msg.width % 2:
        raise FrameError(
            'malformed_image', f'width is {msg.width}, {msg.encoding} has pairs of pixels'
        )
    return sample_view(msg, np.dtype(np.uint8), encoding.channels)


def sample_view(msg: Any, dtype: np.dtype, channels: int) -> np.ndarray:
    """View the samples of a sensor_msgs/Image: (H, W, C), or (H, W) for one channel.

    Raises FrameError as `image_view` does.
    """
    height, width, step = msg.height, msg.width, msg.step
    row = width * channels * dtype.itemsize
    if height == 0 or width == 0:
        raise FrameError('empty_image', f'image is {width}x{height} pixels')
    if step < row:
        raise FrameError(
            'malformed_image', f'step is {step} bytes, a row of {width} pixels needs {row}'
        )
    if len(msg.data) != height * step:
        raise FrameError(
            'malformed_image',
            f'data has {len(msg.data)} bytes, height {height} x step {step} needs {height * step}',
        )
    rows = np.frombuffer(msg.data, np.uint8).reshape(height, step)[:, :row]
    if dtype.itemsize > 1:
        rows = np.ascontiguousarray(rows).view(dtype)
    return rows if channels == 1 else rows.reshape(height, width, channels)


def to_frame(pixels: np.ndarray, encoding: str) -> np.ndarray:
    """Turn an image view into a core frame: C-contiguous uint8, BGR (H, W, 3) or grey (H, W).

    Shares the view's memory where the layout already fits. A Bayer frame below 3 x 3 pixels is
    black: there is nothing to interpolate from.
    """
    code = ENCODINGS[encoding].to_bgr
    if code is not None:
        return cv2.cvtColor(pixels, code)
    return np.ascontiguousarray(pixels)


def restored_pixels(
    pixels: np.ndarray, encoding: str, frame: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """Bring a restored core frame back into the encoding of its input.

    `pixels` is the input's view in `encoding`; `frame` the restored core frame, intact pixels
    already pasted; `mask` bool (H, W), True where pixels of `frame` are restored. Intact pixels
    come from `pixels`, with their alpha; restored ones become opaque. A restored pixel of a Bayer
    pattern gets the one colour the pattern has there. Two pixels that share their chroma keep it
    unless both are restored: it is a sample of the intact one.
    """
    how = ENCODINGS[encoding]
    if how.bayer is not None:
        return _mosaic(pixels, how.bayer, frame, mask)
    if how.luma is not None:
        return _yuv422(pixels, how.luma, frame, mask)
    code = how.from_bgr
    if code is None:
        return frame
    return cv2.copyTo(cv2.cvtColor(frame, code), mask.view(np.uint8), pixels.copy())


def _mosaic(
    pixels: np.ndarray, bayer: tuple[int, int, int, int], frame: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    out = pixels.copy()
    for place, channel in enumerate(bayer):
        every = (slice(place // 2, None, 2), slice(place % 2, None, 2))
        np.copyto(out[every], frame[every][..., channel], where=mask[every])
    return out


def _yuv422(pixels: np.ndarray, luma: int, frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
    out = pixels.copy()
    yuv = cv2.transform(frame, _YUV)  # (H, W, 3)
    np.copyto(out[..., luma], yuv[..., 0], where=mask)
    both = mask[:, 0::2] & mask[:, 1::2]
    for column in range(2):  # U of a pair is with its left pixel, V with its right one
        chroma = yuv[..., 1 + column].astype(np.uint16)
        mean = (chroma[:, 0::2] + chroma[:, 1::2] + 1) >> 1
        np.copyto(out[:, column::2, 1 - luma], mean.astype(np.uint8), where=both)
    return out
