# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fault masks in a video, of any depth and with or without alpha."""

from pathlib import Path

import av
from av.error import FFmpegError
import numpy as np

from siammcvae_core.data.clips import file_url, OPTIONS, VideoClip
from siammcvae_core.data.colours import to_array
from siammcvae_core.data.masks import lost_pixels
from siammcvae_core.errors import FrameError, SourceError

FLOAT_GREY = ('grayf32le', 'grayf32be')


class MaskClip(VideoClip):
    """A video of fault masks: (H, W), 0 where black, 255 where not, upright.

    A frame of which `lost_pixels` cannot tell what is lost ends the clip; `broken` then says so.
    """

    def _pixels(self, decoded: av.VideoFrame) -> np.ndarray:
        if self.hides_alpha:
            raise SourceError('its transparency cannot be read; expected a mask without')
        try:
            lost = lost_pixels(*_samples(decoded))
        except FrameError as error:
            raise SourceError(str(error)) from error
        return lost.view(np.uint8) * np.uint8(255)


def check_alpha(picture: Path) -> None:
    """Raise SourceError where black pixels of a mask are transparent, as only FFmpeg tells.

    OpenCV leaves out the alpha of grey TIFFs, of most BMPs, and the one grey that a PNG makes
    transparent. What FFmpeg cannot decode passes.
    """
    options = {**OPTIONS, 'pattern_type': 'none'}
    try:
        with av.open(file_url(picture), options=options) as container:
            decoded = next(container.decode(video=0))
    except (FFmpegError, IndexError, StopIteration):
        return
    if any(component.is_alpha for component in decoded.format.components):
        try:
            lost_pixels(*_samples(decoded))
        except FrameError as error:
            raise SourceError(f'{picture}: {error}') from error


def _samples(decoded: av.VideoFrame) -> tuple[np.ndarray, bool]:
    """Return the samples of a frame in their depth, and whether the last channel is alpha."""
    pixels = decoded.format
    if pixels.name in FLOAT_GREY:
        return decoded.to_ndarray(format=pixels.name), False
    if 'f16' in pixels.name or 'f32' in pixels.name:
        raise SourceError(f'a mask in pixels of format {pixels.name}; expected whole numbers')
    depth = max(component.bits for component in pixels.components)
    if pixels.has_palette or any(component.is_alpha for component in pixels.components):
        samples = to_array(decoded, 'bgra' if depth <= 8 else 'rgba64le')
        if depth > 8:  # what is opaque may come out a step of its depth below 65535
            samples[..., 3][samples[..., 3] >= 65535 - (1 << (16 - depth))] = 65535
        return samples, True
    if depth <= 8:
        return to_array(decoded, 'bgr24'), False
    return to_array(decoded, 'gray16le' if len(pixels.components) == 1 else 'rgb48le'), False
