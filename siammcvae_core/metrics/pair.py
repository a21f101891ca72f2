# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of the frames and the mask that a metric compares."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from siammcvae_core.errors import InputError
from siammcvae_core.frames import format_size

SMALLEST = 11  # px per side: the window of SSIM

Features = TypeVar('Features')


def check_pair(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> None:
    """Refuse frames that are not uint8 (H, W, 3) or (H, W) of one shape, or a mask of another."""
    if restored.shape != truth.shape:
        raise InputError(
            f'frames differ in shape: {format_size(restored.shape)} and {format_size(truth.shape)}'
        )
    for frame in (restored, truth):
        check_single(frame)
    check_mask(mask, truth.shape)


def feature_pair(
    restored: Any, truth: Any, mask: np.ndarray | None, extract: Callable[[np.ndarray], Features]
) -> tuple[Features, Features]:
    """Return the features of two frames, extracting them from those that are frames still.

    Raises InputError if shapes differ, the mask does not fit, or `extract` does.
    """
    if restored.shape != truth.shape:
        raise InputError(
            f'frames differ in shape: {format_size(restored.shape)} and {format_size(truth.shape)}'
        )
    check_mask(mask, truth.shape)
    x, y = (extract(f) if isinstance(f, np.ndarray) else f for f in (restored, truth))
    return x, y


def check_single(frame: np.ndarray, smallest: int = 1) -> None:
    """Refuse what is not a uint8 frame (H, W, 3) or (H, W) of at least `smallest` px per side."""
    if frame.dtype != np.uint8:
        raise InputError(f'frames to compare must be uint8, got {frame.dtype}')
    if frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] != 3):
        raise InputError(
            'frames to compare must be width x height, grey or of 3 channels, got '
            f'{format_size(frame.shape)}'
        )
    height, width = frame.shape[:2]
    if min(height, width) < smallest:
        raise InputError(
            f'frames to compare must be at least {smallest}x{smallest} px, got {width}x{height}'
        )


def check_mask(mask: np.ndarray | None, shape: tuple[int, ...]) -> None:
    """Refuse a mask that is not bool (H, W) for frames of `shape`; None is no mask."""
    if mask is None:
        return
    if mask.dtype != np.bool_:
        raise InputError(f'mask of lost pixels must be bool, got {mask.dtype}')
    if mask.shape != shape[:2]:
        raise InputError(
            f'mask of {format_size(mask.shape)} does not fit frames of {format_size(shape[:2])}'
        )
