# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fault masks of any depth and number of channels: whatever is not black is lost."""

from pathlib import Path
import re
from typing import Any

import cv2
import numpy as np

from siammcvae_core.data.compressed_images import decode_samples, is_cut_png, PNG, transparent_grey
from siammcvae_core.data.encodings import sample_view
from siammcvae_core.errors import FrameError, SourceError

_NAMED = re.compile(r'(?P<name>mono|rgb|bgr|rgba|bgra)(?P<bits>8|16)')
_NUMBERED = re.compile(r'(?P<bits>8|16|32|64)(?P<kind>[USF])C(?P<channels>[1-4])')
_CHANNELS = {'mono': 1, 'rgb': 3, 'bgr': 3, 'rgba': 4, 'bgra': 4}


def lost_pixels(samples: np.ndarray, alpha: bool = False) -> np.ndarray:
    """Tell which pixels of a mask are lost: those of which any sample is not 0; bool (H, W).

    `samples` is (H, W) or (H, W, C) of any type of numbers. With `alpha` the last channel is
    opacity. It is no colour, so a black pixel must be fully opaque: of one that is transparent,
    nobody can tell whether it means lost or intact. Raises FrameError `mask_unreadable` there, and
    for samples that are no numbers.
    """
    unclear = int(np.count_nonzero(np.isnan(samples))) if samples.dtype.kind == 'f' else 0
    if unclear:
        raise FrameError('mask_unreadable', f'{unclear} samples of the mask are no numbers')
    if samples.ndim == 2:
        return samples != 0
    colours = samples[..., :-1] if alpha else samples
    lost = (colours != 0).any(axis=2)
    if alpha:
        opaque = 1 if samples.dtype.kind == 'f' else np.iinfo(samples.dtype).max
        unclear = int(np.count_nonzero(~lost & (samples[..., -1] != opaque)))
        if unclear:
            raise FrameError(
                'mask_unreadable',
                f'{unclear} pixels of the mask are transparent and black, which may mean lost or '
                'intact; expected a mask without transparency, black where intact',
            )
    return lost


def raw_mask(msg: Any) -> np.ndarray:
    """Read the mask in a sensor_msgs/Image: uint8 (H, W) as it is, others as bool (H, W).

    Raises FrameError `unsupported_encoding` for an encoding in which black is not 0 or not known
    (YUV, Bayer patterns), else as `image_view` and `lost_pixels` do.
    """
    named, numbered = _NAMED.fullmatch(msg.encoding), _NUMBERED.fullmatch(msg.encoding)
    if named:
        channels, kind, alpha = _CHANNELS[named['name']], 'u', named['name'].endswith('a')
        size = int(named['bits']) // 8
    elif numbered:
        channels, kind, alpha = int(numbered['channels']), numbered['kind'].lower(), False
        kind, size = {'s': 'i'}.get(kind, kind), int(numbered['bits']) // 8
    if not (named or numbered) or (kind == 'f' and size == 1):
        raise FrameError(
            'unsupported_encoding',
            f"encoding '{msg.encoding[:40]}' is not one of mono8, mono16, 8UC1, 16UC1 or another "
            'of numbers that are 0 where it is black',
        )
    order = '>' if msg.is_bigendian else '<'
    samples = sample_view(msg, np.dtype(f'{order}{kind}{size}'), channels)
    if samples.dtype == np.uint8 and channels == 1:
        return samples
    return lost_pixels(samples, alpha)


def compressed_mask(data: bytes) -> np.ndarray:
    """Read the mask in the data of a sensor_msgs/CompressedImage, a PNG; bool (H, W).

    Raises FrameError as `decode_image` and `lost_pixels` do.
    """
    samples = decode_samples(data, (PNG,), alpha=True)
    if transparent_grey(data) == 0:
        return lost_pixels(np.dstack([samples, samples]), alpha=True)  # black has no opacity
    return lost_pixels(samples, alpha=samples.ndim == 3 and samples.shape[2] == 4)


def picture_mask(file: Path) -> np.ndarray | None:
    """Read the mask in a picture; bool (H, W), upright; None where it cannot be decoded.

    Raises SourceError, with the name of the file, where `lost_pixels` cannot tell what is lost, and
    for pages or an animation.
    """
    if is_cut_png(file):
        return None
    try:
        pictures = cv2.imcount(str(file))
        samples = cv2.imread(str(file), cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
        stored = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    except cv2.error:  # for example where it declares to be larger than `LARGEST`
        return None
    if samples is None or stored is None:
        return None
    if pictures > 1:
        raise SourceError(f'{file}: expected one mask in a picture, it holds {pictures}')
    try:
        if stored.ndim == 3 and stored.shape[2] == 4:
            lost_pixels(stored, alpha=True)
        return lost_pixels(samples)
    except FrameError as error:
        raise SourceError(f'{file}: {error}') from error
