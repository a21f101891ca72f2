# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings of a camera's stream as it came, with packets missing: played to their end."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from siammcvae_core.data.clips import VideoClip
from siammcvae_core.data.sources import open_source
from siammcvae_core.detection.codec import CodecDecoder, DecodedFrame
from siammcvae_core.detection.coded_picture import CodedPicture
from siammcvae_core.detection.transport_stream import (
    PACKET,
    read_pictures,
    SYNC,
    TransportStream,
)
from siammcvae_core.frames import format_size, Frame, full_mask, Source

_BLOCK = 2048 * PACKET  # bytes read at once
_PROBE = 50 * PACKET  # bytes in which the tables of streams must come


def open_recording(path: str | Path | None, topic: str = '') -> Source:
    """Open a source as `open_source` does, a transport stream so that it says what is lost of it.

    Raises SourceError.
    """
    source = open_source(path, topic)
    if isinstance(source, VideoClip) and is_transport_stream(source.path):
        return LossyClip(source.path)
    return source


def is_transport_stream(path: Path) -> bool:
    """Tell whether a file is an MPEG transport stream of H.264 or H.265; raises OSError."""
    with path.open('rb') as file:
        data = file.read(_PROBE)
    stream = TransportStream()
    for packet in _packets(data):
        list(stream.push(packet))
    return bool(stream.codec)


class LossyClip(VideoClip):
    """An MPEG transport stream whose frames carry a mask of what the decoder had to conceal.

    Frames that never came show the one before, all lost. Stamps count from the first frame that can
    be shown. `note` tells after an iteration how many packets are missing.
    """

    def __iter__(self) -> Iterator[Frame]:
        """Decode to the end; a frame of another size ends it, and `broken` says so."""
        if self.size == (0, 0):  # the first frame tells size and colours
            yield from super().__iter__()
            return
        self.broken = self.note = ''
        stream = TransportStream()
        last, origin = -1, None
        with self.path.open('rb') as file:
            blocks = iter(lambda: file.read(_BLOCK), b'')
            pictures = read_pictures(chain.from_iterable(map(_packets, blocks)), stream)
            for index, frame in enumerate(_decode(pictures, stream)):
                height, width = frame.image.shape[:2]
                if (width, height) != self.size:
                    size, first = format_size((height, width)), format_size(self.size[::-1])
                    self.broken = f'frame {index} is {size}, those before are {first}'
                    return
                origin = frame.stamp if origin is None else origin
                last = max(frame.stamp - origin, last + 1)
                yield Frame(index, last, frame.image, mask=full_mask(frame.mask, (height, width)))
        if stream.lost:
            self.note = f'{stream.lost} of {stream.lost + stream.packets} packets are missing'


def _decode(pictures: Iterator[CodedPicture], stream: TransportStream) -> Iterator[DecodedFrame]:
    """Decode pictures; the stream knows its codec once there is one."""
    decoder: CodecDecoder | None = None
    for picture in pictures:
        decoder = decoder or CodecDecoder(stream.codec)
        yield from decoder.decode(picture)
    if decoder is not None:
        yield from decoder.flush()


def _packets(data: bytes) -> Iterator[bytes]:
    """Cut data into packets; where one does not begin with SYNC, the next SYNC is looked for."""
    at = 0
    while at < len(data):
        if data[at] != SYNC:
            found = data.find(SYNC, at)
            at = len(data) if found < 0 else found
            continue
        yield data[at : at + PACKET]
        at += PACKET
