# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images out of rosbag2 recordings (sqlite3 and MCAP, raw and compressed), without ROS."""

from collections.abc import Iterator
from contextlib import contextmanager
import importlib.util
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag2 import Reader
from rosbags.typesys import get_typestore, Stores

from siammcvae_core.errors import SourceError
from siammcvae_core.frames import Frame, Source

RAW = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'
CHANNELS = {'bgr8': 3, 'rgb8': 3, 'bgra8': 4, 'rgba8': 4, 'mono8': 1, '8UC1': 1, '8UC3': 3}
STAMPS_FOR_RATE = 16
NANO = 10**9
BAG_SUFFIXES = ('.mcap', '.db3')

# The fields of these messages are the same in every ROS 2 distribution.
TYPES = get_typestore(Stores.ROS2_JAZZY)


class BagImages(Source):
    """The frames of one image topic, with the stamp, frame_id and encoding they were recorded with.

    Raw 8-bit images are views into the recording; compressed ones become bgr8 or mono8; other raw
    encodings become bgr8 where rosbags-image is installed. Damage within the recording ends the
    iteration; `broken` says what it is.
    """

    stamped = True

    def __init__(self, path: Path, topic: str = '') -> None:
        self.name = path.name
        self._path = storage_of(path)
        with self._open() as reader:
            self.topic = _choose_topic(path, reader, topic)
            self._frames = reader.topics[self.topic].msgcount
            self._camera_info = self._read_camera_info(reader)
        stamps: list[int] = []
        for frame in self:
            if not stamps:
                self.size = (frame.image.shape[1], frame.image.shape[0])
            stamps.append(frame.stamp)
            if len(stamps) == STAMPS_FOR_RATE:
                break
        if not stamps:
            raise SourceError(f'{path}: topic {self.topic}: {self.broken}')
        steps = [b - a for a, b in pairwise(stamps) if b > a]
        self.rate = NANO / median(steps) if steps else 10.0
        self.broken = ''

    def __len__(self) -> int:
        """Count the messages of the topic."""
        return self._frames

    def __iter__(self) -> Iterator[Frame]:
        """Read from the first message on."""
        self.broken = ''
        index = 0
        try:
            with self._open() as reader:
                wanted = [c for c in reader.connections if c.topic == self.topic]
                for connection, _, data in reader.messages(wanted):
                    yield _frame(index, connection.msgtype, data)
                    index += 1
        except SourceError as error:
            self.broken = f'message {index}: {error}'
        else:
            if index < self._frames:
                self.broken = f'the recording ends after {index} of {self._frames} messages'

    def camera_info(self) -> object | None:
        """Return the first CameraInfo recorded beside the images, if there is one."""
        return self._camera_info

    def _read_camera_info(self, reader: Reader) -> object | None:
        topic = self.topic.removesuffix('/compressed').rpartition('/')[0] + '/camera_info'
        wanted = [c for c in reader.connections if c.topic == topic and c.msgtype == CAMERA_INFO]
        for _, _, data in reader.messages(wanted) if wanted else ():
            return TYPES.deserialize_cdr(data, CAMERA_INFO)
        return None

    @contextmanager
    def _open(self) -> Iterator[Reader]:
        """Open the recording; any error of its parsers becomes a SourceError."""
        try:
            with Reader(self._path) as reader:
                yield reader
        except SourceError:
            raise
        except Exception as error:  # damaged files raise errors of every parser rosbags is made of
            line = ' '.join(str(error).split()) or type(error).__name__
            raise SourceError(f'{self._path} is not a readable rosbag2: {line}') from error


def storage_of(path: Path) -> Path:
    """Find what to open: the folder, or the one storage file in a folder without metadata.

    Raises SourceError where there are several.
    """
    if path.is_file() or (path / 'metadata.yaml').exists():
        return path
    files = sorted(entry for entry in path.iterdir() if entry.suffix in BAG_SUFFIXES)
    if len(files) > 1:
        raise SourceError(f'{path} has no metadata.yaml and {len(files)} storage files; name one')
    return files[0]


def _choose_topic(path: Path, reader: Reader, topic: str) -> str:
    images = [
        name
        for name, info in reader.topics.items()
        if info.msgtype in (RAW, COMPRESSED) and info.msgcount
    ]
    if not images:
        raise SourceError(f'{path} holds no images (topics: {", ".join(reader.topics) or "none"})')
    if topic:
        name = '/' + topic.lstrip('/')
        if name not in images:
            raise SourceError(f"{path} has no images on '{name}'; it has: {', '.join(images)}")
        return name
    if len(images) > 1:
        raise SourceError(f'{path} has {len(images)} image topics, name one: {", ".join(images)}')
    return images[0]


def _frame(index: int, msgtype: str, data: bytes) -> Frame:
    msg = TYPES.deserialize_cdr(data, msgtype)
    if msgtype == COMPRESSED:
        image = cv2.imdecode(msg.data, cv2.IMREAD_ANYCOLOR) if len(msg.data) else None
        if image is None:
            raise SourceError(f"compressed image ('{msg.format}') does not decode")
        encoding = 'mono8' if image.ndim == 2 else 'bgr8'
    elif msg.encoding in CHANNELS:
        image, encoding = _view(msg), msg.encoding
    else:
        image, encoding = _convert(msg), 'bgr8'
    stamp = msg.header.stamp.sec * NANO + msg.header.stamp.nanosec
    return Frame(index, stamp, image, encoding, msg.header.frame_id)


def _view(msg: Any) -> np.ndarray:
    """View a raw image's pixels without a copy: (H, W) or (H, W, C), rows `step` bytes apart."""
    channels = CHANNELS[msg.encoding]
    row = msg.width * channels
    if not msg.height or not msg.width or msg.step < row or len(msg.data) != msg.height * msg.step:
        raise SourceError(
            f'{msg.width}x{msg.height} {msg.encoding} image has step {msg.step} and '
            f'{len(msg.data)} bytes, expected a step of at least {row} and height x step bytes'
        )
    rows = msg.data.reshape(msg.height, msg.step)[:, :row]
    return rows if channels == 1 else rows.reshape(msg.height, msg.width, channels)


def _convert(msg: Any) -> np.ndarray:
    if importlib.util.find_spec('rosbags.image') is None:
        known = ', '.join(CHANNELS)
        raise SourceError(
            f"encoding '{msg.encoding}' is not one of {known}; pip install rosbags-image for others"
        )
    from rosbags.image import message_to_cvimage

    return np.ascontiguousarray(message_to_cvimage(msg, 'bgr8'))
