# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Restored videos: each part is encoded on its own, then parts are joined without re-encoding."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.video.reformatter import Colorspace
import numpy as np

from siammcvae_core.data.clips import BT709
from siammcvae_core.data.pairs import to_core
from siammcvae_core.errors import InputError
from siammcvae_core.frames import Source
from siammcvae_core.restore.recordings.sequence import MaskedFrame, Write
from siammcvae_core.restore.restored_frame import RestoredFrame

SUFFIXES = ('.mp4', '.mkv')
PART_SUFFIX = '.nut'  # a container that keeps any time base
TICKS = 90000  # per second, as MPEG counts
NANO = 10**9


def with_masks(source: Source, masks: Source) -> Iterator[MaskedFrame]:
    """Yield the frames of a video, each with its mask: whatever is not black is lost.

    Raises InputError where the masks end before the video.
    """
    remaining = iter(masks)
    for recorded in source:
        mask = next(remaining, None)
        if mask is None:
            why = f' ({masks.broken})' if masks.broken else ''
            raise InputError(f'the mask {masks.name} ends before frame {recorded.index}{why}')
        image = mask.image
        lost = image if image.ndim == 2 else np.bitwise_or.reduce(image, axis=2)
        yield MaskedFrame(recorded.index, recorded.stamp, to_core(recorded), lost)


class VideoEncoder:
    """Encodes frames into parts and joins these: H.264 in .mp4, lossless FFV1 in .mkv.

    `size` is (width, height) in pixels; H.264 pads odd sides by repeating the last row or column.
    """

    suffix = PART_SUFFIX
    broken = ''

    def __init__(self, out: Path, size: tuple[int, int], rate: float) -> None:
        if out.suffix not in SUFFIXES:
            raise InputError(
                f'{out}: expected .mp4 (H.264, plays anywhere) or .mkv (FFV1, every pixel exact)'
            )
        self._lossless = out.suffix == '.mkv'
        even = 1 if self._lossless else 2  # chroma has half the size
        self._size = tuple(-(-side // even) * even for side in size)
        self._rate = Fraction(rate).limit_denominator(1001)

    @contextmanager
    def open_part(self, path: Path) -> Iterator[Write]:
        """Open a part; its frames keep the times they have in the input."""
        with av.open(str(path), 'w', format='nut') as container:
            stream = self._stream(container)

            def write(frame: MaskedFrame, restored: RestoredFrame | None) -> None:
                picture = self._picture(frame.frame if restored is None else restored.frame)
                if (picture.width, picture.height) != self._size:
                    actual = f'{picture.width}x{picture.height}'
                    expected = f'{self._size[0]}x{self._size[1]}'
                    raise InputError(f'frame {frame.index} is {actual}, expected {expected}')
                picture.pts = round(Fraction(frame.stamp * TICKS, NANO))
                picture.time_base = Fraction(1, TICKS)
                container.mux(stream.encode(picture))

            yield write
            container.mux(stream.encode(None))

    def _stream(self, container: av.container.OutputContainer) -> av.VideoStream:
        if self._lossless:
            stream = container.add_stream('ffv1', self._rate, options={'level': '3'})
            stream.pix_fmt = 'bgr0'
        else:
            # Without B-frames nothing refers across parts, so they can be joined as they are.
            options = {'crf': '16', 'preset': 'veryfast', 'bf': '0'}
            stream = container.add_stream('libx264', self._rate, options=options)
            stream.pix_fmt = 'yuv420p'
            colours = stream.codec_context
            colours.colorspace = colours.color_primaries = colours.color_trc = BT709
        stream.width, stream.height = self._size
        stream.codec_context.time_base = Fraction(1, TICKS)
        return stream

    def _picture(self, frame: np.ndarray) -> av.VideoFrame:
        if self._lossless:
            picture = av.VideoFrame.from_ndarray(frame, 'bgr24' if frame.ndim == 3 else 'gray')
            return picture.reformat(format='bgr0')
        height, width = frame.shape[:2]
        if height % 2 or width % 2:
            pad = ((0, height % 2), (0, width % 2), (0, 0))[: frame.ndim]
            frame = np.pad(frame, pad, mode='edge')
        picture = av.VideoFrame.from_ndarray(frame, 'bgr24' if frame.ndim == 3 else 'gray')
        return picture.reformat(format='yuv420p', dst_colorspace=Colorspace.ITU709)

    @staticmethod
    def join(parts: Sequence[Path], target: Path) -> None:
        """Write the packets of all parts into one file."""
        container_format = 'mp4' if target.suffix == '.mp4' else 'matroska'
        options = {'movflags': 'faststart'} if target.suffix == '.mp4' else {}
        with av.open(str(target), 'w', format=container_format, options=options) as container:
            joined = None
            for part in parts:
                with av.open(str(part)) as opened:
                    stream = opened.streams.video[0]
                    joined = joined or container.add_stream_from_template(stream)
                    for packet in opened.demux(stream):
                        if packet.dts is not None:  # the demuxer ends with an empty packet
                            packet.stream = joined
                            container.mux(packet)
