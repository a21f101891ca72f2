# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the samples of a video stand for: matrix, range, primaries and transfer (ITU-T H.273).

Between samples and BGR lie only matrix and range. Primaries and transfer are passed on as tags.
"""

from dataclasses import dataclass

import av
from av.video.reformatter import Interpolation
import numpy as np

from siammcvae_core.errors import SourceError

BT709, BT601 = 1, 6
RGB, UNSPECIFIED, RESERVED = 0, 2, 3
HD = 720  # lines: from here on players take untagged video as BT.709, below as BT.601
SD_PRIMARIES = {480: 6, 486: 6, 576: 5}  # by lines: those of NTSC and PAL, else of BT.709
CONVERTIBLE = (1, 4, 5, 6, 7, 9)  # matrices that libswscale has
OTHER = {8: 'YCgCo', 10: 'BT.2020 of constant luminance', 14: 'ICtCp', 15: 'IPT-C2'}
LIMITED, FULL = 1, 2
# libswscale starts threads anew for every frame, and ends them badly in a forked process:
# hence threads=1 below.
ROUNDED = Interpolation.BILINEAR | Interpolation.ACCURATE_RND


@dataclass(frozen=True)
class Colours:
    """Codes of ITU-T H.273 for what luma and chroma mean, and whether they use the full range."""

    matrix: int = BT709
    primaries: int = BT709
    transfer: int = BT709
    full_range: bool = False

    def tag(self, context: av.VideoCodecContext) -> None:
        """Tag a stream of luma and chroma, before its first frame."""
        context.colorspace = self.matrix
        context.color_range = FULL if self.full_range else LIMITED
        context.color_primaries, context.color_trc = self.primaries, self.transfer

    def tag_rgb(self, context: av.VideoCodecContext) -> None:
        """Tag a stream of RGB, which has neither matrix nor limited range."""
        context.colorspace, context.color_range = RGB, FULL
        context.color_primaries, context.color_trc = self.primaries, self.transfer

    def encode(self, frame: np.ndarray) -> av.VideoFrame:
        """Convert uint8 (H, W, 3) BGR or (H, W) grey, of even sides, to yuv420p."""
        picture = av.VideoFrame.from_ndarray(frame, 'bgr24' if frame.ndim == 3 else 'gray')
        picture = picture.reformat(
            format='yuv420p',
            dst_colorspace=5 if self.matrix == BT601 else self.matrix,  # the same; PyAV knows 5
            dst_color_range=FULL if self.full_range else LIMITED,
            interpolation=ROUNDED,
            threads=1,
        )
        picture.colorspace = self.matrix
        return picture


def colours_of(frame: av.VideoFrame) -> Colours:
    """Return the colours of a decoded frame; of RGB and grey those of `Colours()` and its tags."""
    coded = not _is_rgb(frame) and len(frame.format.components) > 1
    matrix = _matrix(frame) if coded else BT709
    guess = SD_PRIMARIES.get(frame.height, BT709) if matrix in (5, BT601) else BT709
    return Colours(
        matrix,
        _tagged(frame.color_primaries, guess),
        _tagged(frame.color_trc, BT709),
        coded and (frame.color_range == FULL or frame.format.name.startswith('yuvj')),
    )


def beyond_bgr(frame: av.VideoFrame) -> list[str]:
    """Name what a decoded frame has that 8-bit progressive BGR has not."""
    parts = frame.format.components
    bits = max((part.bits for part in parts), default=8)
    names = {
        f'{bits} bits a sample': bits > 8,
        'transparency': any(part.is_alpha for part in parts),
        'interlacing': frame.interlaced_frame,
    }
    return [name for name, there in names.items() if there]


def to_bgr(frame: av.VideoFrame) -> np.ndarray:
    """Convert a decoded frame to uint8 (H, W, 3) BGR as players show it.

    Raises SourceError for a matrix that cannot be converted.
    """
    return to_array(frame, 'bgr24')


def to_array(frame: av.VideoFrame, pixels: str) -> np.ndarray:
    """Convert a decoded frame as `to_bgr` does, to a pixel format of FFmpeg."""
    if not _is_rgb(frame):
        frame.colorspace = _matrix(frame)
    return frame.to_ndarray(format=pixels, threads=1)


def _matrix(frame: av.VideoFrame) -> int:
    """Return the matrix a frame is tagged with, or that players assume."""
    tagged = frame.colorspace
    if tagged in (RGB, UNSPECIFIED, RESERVED):  # RGB is no matrix of luma and chroma
        return BT709 if frame.height >= HD else BT601
    if tagged not in CONVERTIBLE:
        name = OTHER.get(tagged, 'unknown')
        raise SourceError(f'its colours are coded by matrix {tagged} ({name}), which is not known')
    return tagged


def _is_rgb(frame: av.VideoFrame) -> bool:
    return frame.format.is_rgb or frame.format.name.startswith('pal')


def _tagged(code: int, otherwise: int) -> int:
    return otherwise if code in (0, UNSPECIFIED, RESERVED) else code
