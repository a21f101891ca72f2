# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Restored videos: each part is encoded on its own, then parts are joined without re-encoding."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from siammcvae_core.data.clips import file_url, VideoClip
from siammcvae_core.data.colours import Colours
from siammcvae_core.data.pairs import to_core
from siammcvae_core.errors import InputError
from siammcvae_core.frames import Source
from siammcvae_core.restore.recordings import matroska
from siammcvae_core.restore.recordings.sequence import MaskedFrame, Write
from siammcvae_core.restore.restored_frame import RestoredFrame

SUFFIXES = ('.mp4', '.mkv')
PART_SUFFIX = '.nut'  # a container that keeps any time base
TICKS = 90000  # per second, as MPEG counts
NANO = 10**9
DEFAULT_COLOURS, SQUARE = Colours(), Fraction(1)


def check_counts(source: Source, masks: Source) -> None:
    """Raise InputError where there are not as many masks as frames of a video.

    Packets are counted, and where these differ, both are decoded to be sure.
    """
    if _packets(source) == _packets(masks):
        return
    frames, lost = (sum(1 for _ in clip) for clip in (source, masks))
    if lost < frames or (lost > frames and not source.broken):
        why = f' ({masks.broken})' if masks.broken else ''
        raise InputError(f'{source.name} has {frames} frames, its mask {lost}: {masks.name}{why}')


def with_masks(source: Source, masks: Source) -> Iterator[MaskedFrame]:
    """Yield the frames of a video, each with its mask, as `open_masks` reads them.

    Raises InputError where there are not as many masks as frames.
    """
    remaining = iter(masks)
    frames = 0
    for recorded in source:
        mask = next(remaining, None)
        if mask is None:
            why = f' ({masks.broken})' if masks.broken else ''
            raise InputError(f'the mask {masks.name} ends before frame {recorded.index}{why}')
        frames += 1
        yield MaskedFrame(recorded.index, recorded.stamp, to_core(recorded), mask.image)
    more = 0 if source.broken else sum(1 for _ in remaining)
    if more:
        raise InputError(
            f'{source.name} has {frames} frames, its mask {frames + more}: {masks.name}'
        )


def _packets(clip: Source) -> int:
    return clip.count_packets() if isinstance(clip, VideoClip) else len(clip)


class VideoEncoder:
    """Encodes frames into parts and joins these: H.264 in .mp4, lossless FFV1 in .mkv.

    `size` is (width, height) in pixels; H.264 pads odd sides by repeating the last row or column.
    Both are tagged with `colours`, by which H.264 is encoded, and with the `aspect` of pixels.
    """

    suffix = PART_SUFFIX
    broken = ''
    dropped = ''
    """What the source has and the output will not have."""

    def __init__(
        self,
        out: Path,
        size: tuple[int, int],
        rate: float,
        colours: Colours = DEFAULT_COLOURS,
        aspect: Fraction = SQUARE,
    ) -> None:
        suffix = out.suffix.lower()
        if suffix not in SUFFIXES:
            raise InputError(
                f'{out}: expected .mp4 (H.264, plays anywhere) or .mkv (FFV1, every pixel exact)'
            )
        self._lossless = suffix == '.mkv'
        even = 1 if self._lossless else 2  # chroma has half the size
        width, height = size
        self._size = (-(-width // even) * even, -(-height // even) * even)
        self._rate = max(Fraction(rate).limit_denominator(1001), Fraction(1, 1001))
        self._colours = colours
        self._aspect = aspect

    @classmethod
    def like(cls, out: Path, source: Source) -> 'VideoEncoder':
        """Make an encoder for the restored frames of a source, that look as those of the source."""
        if isinstance(source, VideoClip):
            encoder = cls(out, source.size, source.rate, source.colours, source.aspect)
            encoder.dropped = ', '.join(source.dropped)
            return encoder
        return cls(out, source.size, source.rate)

    @contextmanager
    def open_part(self, path: Path) -> Iterator[Write]:
        """Open a part; its frames keep the times they have in the input."""
        with av.open(file_url(path), 'w', format='nut') as container:
            stream = self._stream(container)
            last = -1

            def write(frame: MaskedFrame, restored: RestoredFrame | None) -> None:
                nonlocal last
                picture = self._picture(frame.frame if restored is None else restored.frame)
                if (picture.width, picture.height) != self._size:
                    actual = f'{picture.width}x{picture.height}'
                    expected = f'{self._size[0]}x{self._size[1]}'
                    raise InputError(f'frame {frame.index} is {actual}, expected {expected}')
                last = max(round(Fraction(frame.stamp * TICKS, NANO)), last + 1)
                picture.pts, picture.time_base = last, Fraction(1, TICKS)
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
            self._colours.tag(stream.codec_context)
            stream.codec_context.sample_aspect_ratio = self._aspect
        stream.width, stream.height = self._size
        stream.codec_context.time_base = Fraction(1, TICKS)
        return stream

    def _picture(self, frame: np.ndarray) -> av.VideoFrame:
        if self._lossless:
            picture = av.VideoFrame.from_ndarray(frame, 'bgr24' if frame.ndim == 3 else 'gray')
            return picture.reformat(format='bgr0', threads=1)
        height, width = frame.shape[:2]
        if height % 2 or width % 2:
            pad = ((0, height % 2), (0, width % 2), (0, 0))[: frame.ndim]
            frame = np.pad(frame, pad, mode='edge')
        return self._colours.encode(frame)

    def join(self, parts: Sequence[Path], target: Path) -> None:
        """Write the packets of all parts into one file."""
        kind, options = 'mp4', {'movflags': 'faststart'}
        oblong = self._lossless and self._aspect != SQUARE  # H.264 says so itself
        if self._lossless:
            kind, options = 'matroska', matroska.OPTIONS if oblong else {}
        with av.open(file_url(target), 'w', format=kind, options=options) as container:
            joined = None
            last = -1
            for part in parts:
                with av.open(file_url(part)) as opened:
                    stream = opened.streams.video[0]
                    if joined is None:
                        joined = container.add_stream_from_template(stream)
                        if self._lossless:  # which has no place for tags of colour in itself
                            self._colours.tag_rgb(joined.codec_context)
                        if oblong:
                            matroska.reserve_aspect(joined)
                    for packet in opened.demux(stream):
                        if packet.pts is None:  # the demuxer ends with an empty packet
                            continue
                        # No dts come of streams below one frame a second; without B-frames
                        # they are the pts.
                        last = max(packet.pts, last + 1)
                        packet.pts = packet.dts = last
                        packet.stream = joined
                        container.mux(packet)
        if oblong:
            matroska.write_aspect(target, self._size, self._aspect)
