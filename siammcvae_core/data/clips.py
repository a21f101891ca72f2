# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Video files: decoding through PyAV, and writing H.264."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
import os
from pathlib import Path

import av
from av.error import FFmpegError
import cv2
import numpy as np

from siammcvae_core import LARGEST
from siammcvae_core.data.colours import beyond_bgr, Colours, colours_of, to_bgr
from siammcvae_core.data.cut_video import missing_bytes
from siammcvae_core.data.orientation import is_transposed, upright
from siammcvae_core.data.timeline import Timeline
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.frames import format_size, Frame, Source

VIDEO_SUFFIXES = ('.mp4', '.mov', '.mkv', '.avi', '.webm', '.m4v', '.ts')
NANO = 10**9
ATTACHED = av.stream.Disposition.attached_pic  # a cover, say
OPTIONS = {'max_pixels': str(LARGEST)}  # of decoders, which believe what a file says of its size


def file_url(path: str | Path) -> str:
    """Name a file for FFmpeg, which takes `12:30.mp4` or `concat:a` for protocols."""
    return f'file:{os.path.abspath(path)}'


class VideoClip(Source):
    """A video file: BGR frames as players show them, upright, with strictly increasing stamps.

    Stamps are the file's own time codes as `Timeline` mends them. Decoding stops at the first frame
    that is damaged or of another size, or where the file ends before its declared duration;
    `broken` then says so. `path` is the file, `colours` what its samples mean, `aspect` the width
    of a pixel over its height, `dropped` names what of the first frame BGR does not keep,
    `hides_alpha` tells of transparency that is not decoded.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.size = (0, 0)
        self.path = path
        with self._open() as container:
            stream = container.streams.video[0]
            rate = _rate(container, stream)
            self._joinable = _has_flag(container, av.format.Flags.ts_discont)
            self._declared = _seconds(stream.duration, stream.time_base)
            self._slack = 2 / rate
            # Matroska has one duration; that of a short stream FFmpeg derives from it.
            self._of_all_streams = self._declared is None or 'matroska' in container.format.name
            if self._of_all_streams:
                self._declared = _seconds(container.duration, Fraction(1, av.time_base))
                self._slack = Fraction(1)
            self._frames = stream.frames
            others = [s for s in container.streams.video[1:] if not s.disposition & ATTACHED]
            self._is_one_of_several = bool(others)
            # VP8 and VP9 keep it in a second stream, which FFmpeg's own decoders leave alone.
            self.hides_alpha = stream.metadata.get('alpha_mode') == '1'
            self.aspect = stream.sample_aspect_ratio or Fraction(1)
        self.rate = float(rate)
        first = next(iter(self), None)
        if first is None:
            reason = f' ({self.broken})' if self.broken else ''
            raise SourceError(f'{path}: no frame of the video can be decoded{reason}')

    def __len__(self) -> int:
        """Count the frames as the file declares them, or, where it does not, its packets."""
        if not self._frames:
            self._frames = self.count_packets()
        return self._frames

    def __iter__(self) -> Iterator[Frame]:
        """Decode from the first frame on."""
        self.broken = ''
        with self._open() as container:
            stream = container.streams.video[0]
            # With a thread per frame it depends on their timing whether damage is reported.
            stream.thread_type = 'SLICE'
            stream.codec_context.options = OPTIONS
            timeline = Timeline(stream.time_base, round(NANO / self.rate), self._joinable)
            index = damaged = 0
            try:
                for decoded in self._decode(container, stream):
                    if decoded.is_corrupt:
                        if index == 0:  # a stream cut before its first key frame
                            damaged += 1
                            continue
                        self.broken = f'frame {index} is damaged'
                        return
                    image = upright(decoded, self._pixels(decoded))
                    if index == 0:
                        self._describe(decoded, image)
                    elif (image.shape[1], image.shape[0]) != self.size:
                        size, first = format_size(image.shape[:2]), format_size(self.size[::-1])
                        self.broken = f'frame {index} is {size}, those before are {first}'
                        return
                    yield Frame(index, timeline.stamp(decoded), image)
                    index += 1
            except (FFmpegError, OSError) as error:
                self.broken = f'frame {index} does not decode: {error.strerror}'
                return
            except SourceError as error:
                self.broken = f'frame {index}: {error}'
                return
            self.broken = self._shortfall(index, timeline)
            if damaged and not index:
                self.broken = f'all are damaged: {damaged}'

    def _pixels(self, decoded: av.VideoFrame) -> np.ndarray:
        """Convert a decoded frame, not yet upright; raises SourceError where that cannot be."""
        return to_bgr(decoded)

    def _describe(self, decoded: av.VideoFrame, image: np.ndarray) -> None:
        """Take size, colours and shape of pixels from the first frame."""
        if self.size != (0, 0):
            return
        self.size = (image.shape[1], image.shape[0])
        self.colours, self.dropped = colours_of(decoded), beyond_bgr(decoded)
        if self.hides_alpha:
            self.dropped.append('transparency')
        if self._is_one_of_several:
            self.dropped.append('all but the first video stream')
        if is_transposed(decoded):
            self.aspect = 1 / self.aspect

    def _decode(
        self, container: av.container.InputContainer, stream: av.VideoStream
    ) -> Iterator[av.VideoFrame]:
        """Decode one stream, noting how far the packets reach in time."""
        self._reached = Fraction(0)
        streams = list(container.streams) if self._of_all_streams else [stream]
        for packet in container.demux(streams):
            if packet.pts is not None and packet.time_base is not None:
                end = (packet.pts + (packet.duration or 0)) * packet.time_base
                self._reached = max(self._reached, end)
            if packet.stream is stream:  # its index is 0 in the empty packets at the end
                yield from packet.decode()

    def count_packets(self) -> int:
        """Count the frames that the file holds, without decoding them."""
        count = 0
        with self._open() as container:
            try:
                for packet in container.demux(container.streams.video[0]):
                    count += packet.size > 0 and not packet.is_discard
            except FFmpegError:  # it is damaged from here on
                pass
        return count

    def _open(self) -> av.container.InputContainer:
        options = {**OPTIONS, 'pattern_type': 'none'}  # %d in the name of a picture is no pattern
        try:
            container = av.open(file_url(self.path), options=options, metadata_errors='replace')
        except (FFmpegError, OSError) as error:
            reason = error.strerror or error
            raise SourceError(f'{self.path} cannot be opened as a video: {reason}') from error
        # FFmpeg renders any .txt file as a picture of a terminal.
        if not container.streams.video or container.format.name == 'tty':
            container.close()
            raise SourceError(f'{self.path} has no video stream')
        if container.streams.video[0].codec_context is None:
            container.close()
            raise SourceError(f'{self.path}: there is no decoder for its video')
        return container

    def _shortfall(self, frames: int, timeline: Timeline) -> str:
        """Describe by how much a clip that stopped without an error is too short."""
        missing = missing_bytes(self.path)
        if missing:
            return f'the file ends after {frames} frames, {missing} bytes too early'
        declared = self._declared
        ends = self._reached if self._of_all_streams else Fraction(timeline.ends, NANO)
        # What may be joined has no header that declares a duration: FFmpeg guesses it.
        if declared is None or timeline.restarted or self._joinable:
            return ''
        if ends + self._slack >= declared:
            return ''
        return f'the file ends after {frames} frames, {float(ends):.1f} of {float(declared):.1f} s'


@contextmanager
def write_video(path: str | Path, rate: float) -> Iterator[Callable[[np.ndarray], None]]:
    """Write an H.264 file (yuv420p, BT.709, index in front) that browsers play.

    Yields a function that appends a uint8 frame, (H, W, 3) BGR or (H, W); the first one sets the
    size. Chroma is stored at half size, so an odd width or height is padded by repeating its last
    column or row. Raises InputError where the file cannot be written or a frame changes the size.
    """
    try:
        Path(path).open('wb').close()  # PyAV would find out only with the first packet
    except OSError as error:
        raise InputError(f'cannot write the video {path}: {error.strerror}') from error
    container = av.open(file_url(path), 'w', format='mp4', options={'movflags': 'faststart'})
    options = {'crf': '20', 'preset': 'veryfast'}
    stream = container.add_stream(
        'libx264', Fraction(rate).limit_denominator(1001), options=options
    )
    stream.pix_fmt = 'yuv420p'
    colours = Colours()
    colours.tag(stream.codec_context)
    size: tuple[int, ...] = ()

    def append(frame: np.ndarray) -> None:
        nonlocal size
        height, width = frame.shape[:2]
        if not size:
            size = (height, width)
            stream.width, stream.height = width + width % 2, height + height % 2
        elif size != (height, width):
            first = f'{size[1]}x{size[0]}'
            raise InputError(f'{path}: frame is {width}x{height} pixels, the first was {first}')
        if width % 2 or height % 2:
            frame = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        container.mux(stream.encode(colours.encode(frame)))

    with container:
        yield append
        if size:
            container.mux(stream.encode(None))


def _rate(container: av.container.InputContainer, stream: av.VideoStream) -> Fraction:
    """Return the nominal frames per second; a raw stream has them in its headers, if anywhere."""
    rates = [stream.average_rate, stream.guessed_rate]
    if _has_flag(container, av.format.Flags.no_timestamps):
        rates.reverse()
    return next((rate for rate in rates if rate), Fraction(25))


def _has_flag(container: av.container.InputContainer, flag: av.format.Flags) -> bool:
    return bool(container.format.flags & flag.value)


def _seconds(ticks: int | None, time_base: Fraction | None) -> Fraction | None:
    return None if ticks is None or time_base is None else ticks * time_base
