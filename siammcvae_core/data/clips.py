# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Video files: decoding through PyAV, and writing H.264."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.error import FFmpegError
from av.video.reformatter import Colorspace
import cv2
import numpy as np

from siammcvae_core import LARGEST
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.frames import Frame, Source

VIDEO_SUFFIXES = ('.mp4', '.mov', '.mkv', '.avi', '.webm', '.m4v', '.ts')
BT709 = 1  # the code of ITU-R BT.709 in H.264 colour tags: what players assume of untagged HD video
NANO = 10**9
OPTIONS = {'max_pixels': str(LARGEST)}  # of decoders, which believe what a file says of its size


class VideoClip(Source):
    """A video file: BGR frames, stamps from the file's own time codes, rotation undone.

    Decoding stops at the first frame that is damaged, or where the file ends before its declared
    duration; `broken` then says so.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        with self._open() as container:
            stream = container.streams.video[0]
            rate = stream.average_rate or stream.guessed_rate or Fraction(25)
            self._declared = _seconds(stream.duration, stream.time_base)
            self._slack = 2 / rate
            if self._declared is None:  # one duration for all streams; sound may be longer
                self._declared = _seconds(container.duration, Fraction(1, av.time_base))
                self._slack = Fraction(1)
            self._frames = stream.frames or round((self._declared or 0) * rate)
        self.rate = float(rate)
        first = next(iter(self), None)
        if first is None:
            reason = f' ({self.broken})' if self.broken else ''
            raise SourceError(f'{path}: no frame of the video can be decoded{reason}')
        self.size = (first.image.shape[1], first.image.shape[0])

    def __len__(self) -> int:
        """Count the frames as the file declares them."""
        return self._frames

    def __iter__(self) -> Iterator[Frame]:
        """Decode from the first frame on."""
        self.broken = ''
        with self._open() as container:
            stream = container.streams.video[0]
            stream.thread_type = 'AUTO'
            stream.codec_context.options = OPTIONS
            period = round(NANO / self.rate)
            origin, index, ends = None, 0, 0
            try:
                for decoded in container.decode(stream):
                    if decoded.is_corrupt:
                        if index == 0:  # a stream cut before its first key frame
                            continue
                        self.broken = f'frame {index} is damaged'
                        return
                    stamp = ends
                    if decoded.pts is not None:
                        origin = decoded.pts if origin is None else origin
                        stamp = int((decoded.pts - origin) * stream.time_base * NANO)
                    yield Frame(index, stamp, _upright(decoded))
                    index += 1
                    ends = stamp + int(decoded.duration * stream.time_base * NANO or period)
            except FFmpegError as error:
                self.broken = f'frame {index} does not decode: {error.strerror}'
                return
            self.broken = self._shortfall(index, ends)

    def _open(self) -> av.container.InputContainer:
        try:
            container = av.open(str(self._path), options=OPTIONS, metadata_errors='replace')
        except (FFmpegError, OSError) as error:
            reason = error.strerror or error
            raise SourceError(f'{self._path} cannot be opened as a video: {reason}') from error
        # FFmpeg renders any .txt file as a picture of a terminal.
        if not container.streams.video or container.format.name == 'tty':
            container.close()
            raise SourceError(f'{self._path} has no video stream')
        if container.streams.video[0].codec_context is None:
            container.close()
            raise SourceError(f'{self._path}: there is no decoder for its video')
        return container

    def _shortfall(self, frames: int, ends: int) -> str:
        """Describe by how much a clip that stopped at `ends` ns without an error is too short."""
        declared = self._declared
        if declared is None or Fraction(ends, NANO) + self._slack >= declared:
            return ''
        return f'the file ends after {frames} frames, {ends / NANO:.1f} of {float(declared):.1f} s'


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
    container = av.open(str(path), 'w', format='mp4', options={'movflags': 'faststart'})
    options = {'crf': '20', 'preset': 'veryfast'}
    stream = container.add_stream(
        'libx264', Fraction(rate).limit_denominator(1001), options=options
    )
    stream.pix_fmt = 'yuv420p'
    colours = stream.codec_context
    colours.colorspace = colours.color_primaries = colours.color_trc = BT709
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
        picture = av.VideoFrame.from_ndarray(frame, 'bgr24' if frame.ndim == 3 else 'gray')
        picture = picture.reformat(format='yuv420p', dst_colorspace=Colorspace.ITU709)
        container.mux(stream.encode(picture))

    with container:
        yield append
        if size:
            container.mux(stream.encode(None))


def _upright(decoded: av.VideoFrame) -> np.ndarray:
    """Convert to BGR (H, W, 3), rotated as the file's metadata says."""
    image = decoded.to_ndarray(format='bgr24')
    turns = round(decoded.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns))


def _seconds(ticks: int | None, time_base: Fraction | None) -> Fraction | None:
    return None if ticks is None or time_base is None else ticks * time_base
