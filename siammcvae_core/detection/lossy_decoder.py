# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One FFmpeg decoder that is fed a stream with gaps and never gives up."""

from fractions import Fraction
from typing import NamedTuple

import av
from av.error import FFmpegError
import numpy as np

from siammcvae_core import LARGEST
from siammcvae_core.detection.coded_picture import CodedPicture

_NANO = Fraction(1, 10**9)


class Shown(NamedTuple):
    """A decoded picture, `yuv` as I420, uint8 (H * 3 / 2, W), its last odd row and column left out.

    `corrupt` is what FFmpeg says of it.
    """

    stamp: int
    yuv: np.ndarray
    corrupt: bool
    picture: av.VideoFrame


class LossyDecoder:
    """Decodes H.264 or H.265 pictures, damaged or not.

    conceal: fill what is missing as FFmpeg does, from the picture before; otherwise leave what
    the memory held.
    """

    def __init__(self, codec: str, conceal: bool = True) -> None:
        self._context = av.CodecContext.create(codec, 'r')
        self._context.thread_count = 1  # more would deliver pictures late
        self._context.options = {
            'flags': '+output_corrupt',
            'flags2': '+showall',
            'max_pixels': str(LARGEST),
            **({} if conceal else {'ec': '0'}),
        }

    def feed(self, picture: CodedPicture) -> list[Shown]:
        """Decode one picture; returns those that are ready to be shown, [] for unusable data."""
        if not picture.data:
            return []
        packet = av.Packet(picture.data)
        packet.pts, packet.time_base = picture.stamp, _NANO
        return self._decode(packet)

    def flush(self) -> list[Shown]:
        """Return what is left at the end; nothing can be decoded afterwards."""
        return self._decode(None)

    def _decode(self, packet: av.Packet | None) -> list[Shown]:
        try:
            frames = self._context.decode(packet)
        except FFmpegError:
            return []
        return [
            Shown(frame.pts, _even_i420(frame), bool(frame.is_corrupt), frame)
            for frame in frames
            if frame.pts is not None
        ]


def _even_i420(frame: av.VideoFrame) -> np.ndarray:
    """Return a picture as I420 with even sides, as 4:2:0 has them."""
    width, height = frame.width - frame.width % 2, frame.height - frame.height % 2
    if (width, height) != (frame.width, frame.height) or frame.format.name not in (
        'yuv420p',
        'yuvj420p',
    ):
        frame = frame.reformat(width, height, 'yuv420p')
    return np.asarray(frame.to_ndarray())
