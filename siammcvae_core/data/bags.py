# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images out of rosbag2 recordings (sqlite3 and MCAP, raw and compressed), without ROS."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import importlib.util
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
import struct
from typing import Any

import numpy as np
from rosbags.typesys import get_typestore, Stores

from siammcvae_core.data.compressed_images import (
    decode_image,
    decode_samples,
    is_turned,
    transparent_grey,
)
from siammcvae_core.data.encodings import ENCODINGS, image_view, to_frame
from siammcvae_core.data.image_topics import choose_topic, COMPRESSED, mask_topic, RAW, sibling
from siammcvae_core.data.recording import open_recording
from siammcvae_core.errors import FrameError, SourceError
from siammcvae_core.frames import Frame, Source

CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'
STAMPS_FOR_RATE = 16
NANO = 10**9

# The fields of these messages are the same in every ROS 2 distribution.
TYPES = get_typestore(Stores.ROS2_JAZZY)


@dataclass(frozen=True, eq=False)
class RecordedImage:
    """A message of an image topic; `stamp` is that of its header, `logged` when it was recorded.

    Of a message that cannot be deserialised, `message` is the FrameError.
    """

    index: int
    stamp: int
    logged: int
    kind: str
    message: Any


class ImageTopic:
    """The messages of one image topic of a bag, in the order in which it was recorded.

    `beside` is the mask topic for which an image topic is looked for, where `topic` names none.
    `mask_topic` is the one of the fault masks beside it, `camera_info` the first one recorded.
    Damage within the recording ends an iteration; `broken` says what it is. `note` is what a user
    should know of the bag. Raises SourceError where there is no such topic.
    """

    def __init__(self, path: Path, topic: str = '', beside: str = '') -> None:
        self.path = path
        self.broken = ''
        with open_recording(path) as recording:
            topics: dict[str, tuple[str, int]] = {}
            for c in recording.connections:
                if not isinstance(c.msgcount, int) or c.msgcount < 0:
                    detail = f'{c.msgcount!r} messages, expected a whole number'
                    raise SourceError(f'{path}: topic {c.topic}: {detail}')
                count = topics.get(c.topic, ('', 0))[1]
                topics[c.topic] = c.msgtype, count + c.msgcount
            self.topic = choose_topic(path, topics, topic, beside)
            self.note = recording.note
            self._count = topics[self.topic][1]
            self.mask_topic = mask_topic(self.topic, topics)
            self.camera_info = self._read_camera_info(recording)

    def __len__(self) -> int:
        """Count the messages of the topic."""
        return self._count

    def __iter__(self) -> Iterator[RecordedImage]:
        """Read from the first message on."""
        self.broken = ''
        index = 0
        try:
            with open_recording(self.path) as recording:
                wanted = [c for c in recording.connections if c.topic == self.topic]
                for connection, logged, data in recording.messages(wanted):
                    yield _readable(index, logged, connection.msgtype, data)
                    index += 1
        except SourceError as error:
            self.broken = f'message {index}: {error}'
        else:
            if index < self._count:
                self.broken = f'the recording ends after {index} of {self._count} messages'
            self.broken = recording.cut or self.broken

    def _read_camera_info(self, recording: Any) -> object | None:
        topic = sibling(self.topic, 'camera_info')
        wanted = [c for c in recording.connections if (c.topic, c.msgtype) == (topic, CAMERA_INFO)]
        for _, _, data in recording.messages(wanted) if wanted else ():
            return TYPES.deserialize_cdr(data, CAMERA_INFO)
        return None


class BagImages(Source):
    """The frames of one image topic, with the stamp, frame_id and encoding they were recorded with.

    Raw images of the encodings of core frames are views into the recording; compressed ones become
    bgr8 or mono8; YUV and Bayer patterns become bgr8, and so do other raw encodings where
    rosbags-image is installed. An image that cannot be read ends the iteration, as damage within
    the recording does; `broken` says what it is.
    """

    stamped = True

    def __init__(self, path: Path, topic: str = '') -> None:
        self.name = path.name
        self._images = ImageTopic(path, topic)
        self.topic, self.note = self._images.topic, self._images.note
        first = next(iter(self), None)
        if first is None:
            raise SourceError(f'{path}: topic {self.topic}: {self.broken}')
        self.size = (first.image.shape[1], first.image.shape[0])
        beginning = list(islice(self._images, STAMPS_FOR_RATE))
        period = _period([image.stamp for image in beginning])
        period = period or _period([image.logged for image in beginning])
        self.rate = NANO / period if period else 10.0
        self.broken = ''

    def __len__(self) -> int:
        """Count the messages of the topic."""
        return len(self._images)

    def __iter__(self) -> Iterator[Frame]:
        """Read from the first message on."""
        self.broken = ''
        for image in self._images:
            try:
                yield _frame(image)
            except FrameError as error:
                self.broken = f'message {image.index}: {error}'
                return
        self.broken = self._images.broken

    def camera_info(self) -> object | None:
        """Return the first CameraInfo recorded beside the images, if there is one."""
        return self._images.camera_info


def recorded_image(index: int, logged: int, kind: str, data: bytes) -> RecordedImage:
    """Deserialise a message of an image topic."""
    message = TYPES.deserialize_cdr(data, kind)
    stamp = message.header.stamp.sec * NANO + message.header.stamp.nanosec
    return RecordedImage(index, stamp, logged, kind, message)


def _readable(index: int, logged: int, kind: str, data: bytes) -> RecordedImage:
    try:
        return recorded_image(index, logged, kind, data)
    except Exception as error:  # rosbags raises what its parsers do
        what = ' '.join(str(error).split()) or type(error).__name__
        unread = FrameError('malformed_image', f'message of {len(data)} bytes: {what}')
        return RecordedImage(index, _first_stamp(data), logged, kind, unread)


def _first_stamp(data: bytes) -> int:
    """Read the stamp with which a message of CDR data begins, after 4 bytes; 0 without one."""
    if len(data) < 12:
        return 0
    seconds, nanoseconds = struct.unpack_from('<iI' if data[1] & 1 else '>iI', data, 4)
    return int(seconds * NANO + nanoseconds)


def exact_pixels(image: RecordedImage) -> tuple[np.ndarray, str]:
    """Return pixels that can be written back to the bit, as uint8 in an encoding: both of them.

    Raises FrameError: `malformed_image` or `empty_image` for what cannot be read,
    `unsupported_encoding` for what would lose something on the way: more than 8 bits, PNGs that are
    animated or have a transparent grey, and images which EXIF data ask viewers to turn, because
    what is written has none.
    """
    message = image.message
    if isinstance(message, FrameError):
        raise message
    if image.kind == RAW:
        return image_view(message), message.encoding
    data = bytes(message.data)
    pixels = decode_samples(data, alpha=True)
    if pixels.dtype != np.uint8:
        raise _unsupported(f'samples of type {pixels.dtype}, expected uint8')
    head = data.partition(b'IDAT')[0]
    if b'acTL' in head or transparent_grey(data) is not None:
        raise _unsupported('a PNG that is animated or has a transparent grey')
    if is_turned(data):
        raise _unsupported('EXIF data that ask viewers to turn the image')
    return pixels, {2: 'mono8'}.get(pixels.ndim, 'bgra8' if pixels.shape[-1] == 4 else 'bgr8')


def _unsupported(what: str) -> FrameError:
    return FrameError('unsupported_encoding', f'compressed image has {what}')


def _frame(image: RecordedImage) -> Frame:
    message = image.message
    if isinstance(message, FrameError):
        raise message
    if image.kind == COMPRESSED:
        try:
            pixels = decode_image(bytes(message.data))
        except FrameError as error:
            why = f"compressed image ('{message.format}') does not decode: {error}"
            raise FrameError(error.reason, why) from error
        encoding = 'mono8' if pixels.ndim == 2 else 'bgr8'
    elif message.encoding in ENCODINGS:
        pixels, encoding = image_view(message), message.encoding
        how = ENCODINGS[encoding]
        if how.bayer is not None or how.luma is not None:
            pixels, encoding = to_frame(pixels, encoding), 'bgr8'
    else:
        pixels, encoding = _convert(message), 'bgr8'
    return Frame(image.index, image.stamp, pixels, encoding, message.header.frame_id)


def _convert(message: Any) -> np.ndarray:
    if importlib.util.find_spec('rosbags.image') is None:
        known = ', '.join(ENCODINGS)
        raise FrameError(
            'unsupported_encoding',
            f"encoding '{message.encoding[:40]}' is not one of {known}; pip install rosbags-image "
            'for others',
        )
    from rosbags.image import message_to_cvimage

    try:
        return np.ascontiguousarray(message_to_cvimage(message, 'bgr8'))
    except Exception as error:  # whatever it raises of damaged messages
        text = ' '.join(str(error).split()) or type(error).__name__
        why = f"encoding '{message.encoding[:40]}': {text}"
        raise FrameError('unsupported_encoding', why) from error


def _period(stamps: Sequence[int]) -> float:
    """Return the usual step (ns) between stamps that advance; 0 where none does."""
    steps = [b - a for a, b in pairwise(stamps) if b > a]
    return median(steps) if steps else 0.0
