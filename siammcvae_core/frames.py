# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames, sources of frames and fault masks: what they are, checks, and pasting restored pixels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from siammcvae_core.errors import FrameError


@dataclass(frozen=True, eq=False)
class Frame:
    """One camera frame of a source.

    `index` counts from 0; `stamp` is in nanoseconds: the header stamp where the source is
    `stamped`, else the time since the first frame. `image` is uint8, (H, W, C) or (H, W), laid out
    as the ROS `encoding` says; from a bag it is read-only and its rows may be padded. `mask` is
    bool (H, W), True = known to be lost, where the source can tell.
    """

    index: int
    stamp: int
    image: np.ndarray
    encoding: str = 'bgr8'
    frame_id: str = 'camera'
    mask: np.ndarray | None = None


class Source(Protocol):
    """Frames in order of time; every iteration decodes anew from the start."""

    name: str
    size: tuple[int, int]
    """Width and height in pixels of the first frame."""
    rate: float
    """Nominal frames per second."""
    stamped: bool = False
    """Whether frames carry recorded stamps (a bag) or the time since the first frame."""
    broken: str = ''
    """Why the last iteration ended early; '' when it reached the end."""
    note: str = ''
    """What a user should know of how it is read, one line; '' if there is nothing to say."""

    def __len__(self) -> int:
        """Return the number of frames, as far as known without decoding them all."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Decode from the first frame on; at damaged data it ends and `broken` says why."""
        ...

    def camera_info(self) -> object | None:
        """Return an object with the fields of sensor_msgs/CameraInfo, or None.

        Only height, width, distortion_model, d, k, r and p are sure to be there.
        """
        return None


def format_size(shape: tuple[int, ...]) -> str:
    """Write the shape of an array (H, W, ...) as messages do: '640x360', or '640x360x3'."""
    return 'x'.join(map(str, (*shape[1::-1], *shape[2:])))


def check_frame(frame: np.ndarray) -> None:
    """Check that a frame is uint8, of shape (H, W, 3) or (H, W), and C-contiguous.

    Raises FrameError with reason `unsupported_type`, `unsupported_shape`, `empty_image` or
    `not_contiguous`.
    """
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8:
        actual = frame.dtype if isinstance(frame, np.ndarray) else type(frame).__name__
        raise FrameError('unsupported_type', f'frame must be a uint8 array, got {actual}')
    if frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] != 3):
        raise FrameError(
            'unsupported_shape',
            f'frame must be width x height, grey or of 3 channels, got {format_size(frame.shape)}',
        )
    if frame.size == 0:
        raise FrameError('empty_image', f'frame has no pixels: {format_size(frame.shape)}')
    if not frame.flags.c_contiguous:
        raise FrameError('not_contiguous', 'frame must be C-contiguous, got a strided view')


def full_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Enlarge a fault mask to frame size: bool (H, W), True where lost.

    `mask` is uint8 or bool, 0 = intact, of frame size `size` = (H, W) or a grid of k x k pixel
    cells, (ceil(H/k), ceil(W/k)); a bool mask of frame size is returned as it is. Raises
    FrameError with reason `mask_type` or `mask_size`.
    """
    if not isinstance(mask, np.ndarray) or mask.dtype not in (np.uint8, np.bool_):
        actual = mask.dtype if isinstance(mask, np.ndarray) else type(mask).__name__
        raise FrameError('mask_type', f'mask must be a uint8 or bool array, got {actual}')
    height, width = size
    if mask.ndim != 2 or mask.size == 0:
        raise FrameError(
            'mask_size',
            f'mask must be one plane of {width}x{height} or its grid, got '
            f'{format_size(mask.shape)}',
        )
    lost = mask if mask.dtype == np.bool_ else mask != 0
    if mask.shape == size:
        return lost
    cell = _cell_size(mask.shape, size)
    grid = np.ascontiguousarray(lost).view(np.uint8)
    cells = cv2.resize(grid, None, fx=cell, fy=cell, interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(cells[:height, :width]).view(np.bool_)


def paste(frame: np.ndarray, restored: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return a new frame: `restored` where `mask`, bool (H, W), is True, else exactly `frame`."""
    return cv2.copyTo(restored, mask.view(np.uint8), frame.copy())


def _cell_size(grid: tuple[int, ...], size: tuple[int, int]) -> int:
    """Find the one k for which `grid` is (ceil(H/k), ceil(W/k)); exact division goes first."""
    (rows, cols), (height, width) = grid, size
    if height % rows == 0 and height // rows * cols == width:
        return height // rows
    smallest = max(-(-height // rows), -(-width // cols))
    sides = zip((height, width), (rows, cols), strict=True)
    largest = min([max(size), *(-(-side // (n - 1)) - 1 for side, n in sides if n > 1)])
    if smallest == largest:
        return smallest
    example = f'{-(-width // 16)}x{-(-height // 16)} for 16 px cells'
    if smallest < largest:
        why = f'fits cells of {smallest} to {largest} px alike'
    else:
        why = 'fits no cell size'
    raise FrameError(
        'mask_size',
        f'mask of {cols}x{rows} {why}; a {width}x{height} frame takes a mask of its size or of '
        f'one cell size, {example}',
    )
