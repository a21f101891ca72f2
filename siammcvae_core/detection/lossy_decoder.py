# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One FFmpeg decoder that is fed a stream with gaps and never gives up."""

from fractions import Fraction
from typing import NamedTuple, Protocol

import av
from av.error import FFmpegError
import numpy as np

from siammcvae_core import LARGEST

MOVED = 8  # rows
_NANO = Fraction(1, 10**9)


class Coded(Protocol):
    """What is decoded: a picture's bytes, b'' if none came, and its stamp, ns."""

    @property
    def data(self) -> bytes:
        """Return the picture as Annex B."""

    @property
    def stamp(self) -> int | None:
        """Return when it is to be shown, ns."""


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
    the memory held. `agrees` is set where a whole picture is missing that this decoder could not
    tell from the other: they agree from there on, until the next key picture, and are wrong.
    """

    def __init__(self, codec: str, conceal: bool = True) -> None:
        self._conceal = conceal
        self._context = av.CodecContext.create(codec, 'r')
        self._context.thread_count = 1  # more would deliver pictures late
        self._context.options = {
            'flags': '+output_corrupt',
            'flags2': '+showall',
            'max_pixels': str(LARGEST),
            **({} if conceal else {'ec': '0'}),
        }
        self._newest: list[av.VideoFrame] = []
        self.agrees = False

    def feed(self, picture: Coded) -> list[Shown]:
        """Decode one picture; returns those that are ready to be shown, [] for unusable data."""
        if not picture.data:
            if not self._conceal:
                self._disturb()
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
        self._newest = [*self._newest, *frames][-2:]
        return [
            Shown(frame.pts, _even_i420(frame), bool(frame.is_corrupt), frame)
            for frame in frames
            if frame.pts is not None
        ]

    def _disturb(self) -> None:
        """Make the newest picture that of one before, where a whole picture is missing.

        Both decoders predict from their newest picture in its place, so they would agree. This one
        predicts from a picture that is one older: they differ where the scene moves, as the
        concealed pictures do from the true ones. Before a first picture was shown nothing can.
        """
        self.agrees |= not self._newest
        for number, plane in enumerate(self._newest[-1].planes if self._newest else ()):
            before = self._newest[0].planes
            fits = number < len(before) and before[number].buffer_size == plane.buffer_size
            if len(self._newest) == 2 and fits:
                plane.update(bytes(before[number]))
            else:  # no older one: the same, moved down
                plane.update(np.roll(np.frombuffer(plane, np.uint8), MOVED * plane.line_size))


def _even_i420(frame: av.VideoFrame) -> np.ndarray:
    """Return a picture as I420 with even sides, as 4:2:0 has them."""
    width, height = frame.width - frame.width % 2, frame.height - frame.height % 2
    if (width, height) != (frame.width, frame.height) or frame.format.name not in (
        'yuv420p',
        'yuvj420p',
    ):
        frame = frame.reformat(width, height, 'yuv420p')
    return np.asarray(frame.to_ndarray())
