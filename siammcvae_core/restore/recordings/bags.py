# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Restored bags: the same messages, but for the lost pixels of one image topic.

Parts hold restored pixels only. The output is the input read once more, message by message, with
those pixels replaced: all else, headers and stamps included, is the input to the bit.
"""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
import re
import shutil
from typing import Any
import zipfile

import cv2
import numpy as np
from rosbags.rosbag2 import Reader, StoragePlugin, Writer

from siammcvae_core.data.bags import BagImages, CHANNELS, COMPRESSED, RAW, storage_of, TYPES
from siammcvae_core.data.pairs import to_core
from siammcvae_core.errors import InputError
from siammcvae_core.frames import Frame
from siammcvae_core.restore.recordings.sequence import MaskedFrame, Write
from siammcvae_core.restore.restored_frame import RestoredFrame

PART_SUFFIX = '.zip'
BAG_VERSION = 8  # what ROS 2 Iron and later read
NO_HASH = f'RIHS01_{0:064}'  # where a recording has no hash of a message type
AHEAD = 256  # masks with lost pixels held while looking for one
NANO = 10**9


def sibling(image_topic: str, name: str) -> str:
    """Return a topic beside an image topic: '/front/image_raw' has '/front/fault_mask'."""
    return image_topic.removesuffix('/compressed').rpartition('/')[0] + f'/{name}'


def with_masks(images: BagImages, masks: BagImages) -> Iterator[MaskedFrame]:
    """Yield the frames of a topic, each with the mask of the same stamp, None without one.

    Masks may come before or after their image, within AHEAD damaged ones. Raises InputError where
    they are further off.
    """
    unread = Counter(frame.stamp for frame in masks)
    remaining = iter(masks)
    ahead: deque[tuple[int, np.ndarray | None]] = deque()  # None for a mask of an intact frame
    for recorded in images:
        mask = None
        if unread[recorded.stamp]:
            unread[recorded.stamp] -= 1
            lost = _take(ahead, recorded.stamp, remaining, masks.topic)
            mask = np.zeros(recorded.image.shape[:2], np.uint8) if lost is None else lost
        yield MaskedFrame(recorded.index, recorded.stamp, to_core(recorded), mask)


def _take(
    ahead: deque[tuple[int, np.ndarray | None]], stamp: int, remaining: Iterator[Frame], topic: str
) -> np.ndarray | None:
    """Take the mask of a stamp from those read already, or read on to it."""
    for number, (mask_stamp, lost) in enumerate(ahead):
        if mask_stamp == stamp:
            del ahead[number]
            return lost
    for frame in remaining:
        lost = frame.image if frame.image.any() else None
        if frame.stamp == stamp:
            return lost
        ahead.append((frame.stamp, lost))
        if sum(mask is not None for _, mask in ahead) > AHEAD:
            ahead.popleft()
    raise InputError(f'{topic}: its masks come too far from their images, at stamp {stamp} ns')


@contextmanager
def open_part(path: Path) -> Iterator[Write]:
    """Open a part: for each restored frame its mask in bits and the pixels replaced."""
    with zipfile.ZipFile(path, 'w') as archive:

        def write(frame: MaskedFrame, restored: RestoredFrame | None) -> None:
            if restored is None or not restored.mask.any():
                return
            for array in (np.packbits(restored.mask), restored.frame[restored.mask]):
                name = f'{len(archive.namelist())}-{frame.index}-{frame.stamp}'
                with archive.open(name, 'w', force_zip64=True) as file:
                    np.lib.format.write_array(file, array)

        yield write


class BagAssembler:
    """Writes the bag `images` with its lost pixels restored.

    Raises InputError for images that cannot be written back. `broken` says why the output ends
    before the input does.
    """

    suffix = PART_SUFFIX
    open_part = staticmethod(open_part)
    broken = ''

    def __init__(self, path: Path, images: BagImages) -> None:
        self._path = storage_of(path)
        self._topic = images.topic
        self._mask_topic = sibling(images.topic, 'restored/mask')
        with Reader(self._path) as reader:
            if self._mask_topic in reader.topics:
                raise InputError(f'{path} has a topic {self._mask_topic} already')
            wanted = [c for c in reader.connections if c.topic == self._topic]
            connection, _, data = next(reader.messages(wanted))
            message = TYPES.deserialize_cdr(data, connection.msgtype)
            if connection.msgtype == RAW and message.encoding not in CHANNELS:
                supported = ', '.join(CHANNELS)
                raise InputError(f"{path}: encoding '{message.encoding}' is not one of {supported}")

    def join(self, parts: Sequence[Path], target: Path) -> None:
        """Write every message of the input at its time, and restored/mask beside the restored."""
        shutil.rmtree(target, ignore_errors=True)
        restored = chain.from_iterable(map(_read_part, parts))
        upcoming = next(restored, None)
        index = 0
        with (
            Reader(self._path) as reader,
            Writer(target, version=BAG_VERSION, storage_plugin=_plugin(self._path)) as writer,
        ):
            try:
                targets = _connections(reader.connections, writer)
            except (ValueError, TypeError, AttributeError) as error:
                raise InputError(f'{self._path}: topics that cannot be written: {error}') from error
            masks = writer.add_connection(self._mask_topic, RAW, typestore=TYPES)
            for connection, time, data in self._messages(reader):
                is_image = connection.topic == self._topic
                if not is_image or upcoming is None or upcoming.index != index:
                    writer.write(targets[connection.id], time, data)
                else:
                    message = TYPES.deserialize_cdr(data, connection.msgtype)
                    mask = _fill_in(message, connection.msgtype, upcoming)
                    data = TYPES.serialize_cdr(message, connection.msgtype)
                    writer.write(targets[connection.id], time, data)
                    writer.write(masks, time, TYPES.serialize_cdr(mask, RAW))
                    upcoming = next(restored, None)
                index += is_image

    def _messages(self, reader: Reader) -> Iterator[tuple[Any, int, bytes]]:
        try:
            yield from reader.messages()
        except Exception as error:  # damaged files raise errors of every parser rosbags is made of
            self.broken = ' '.join(str(error).split()) or type(error).__name__


@dataclass(frozen=True, eq=False)
class _RestoredPixels:
    """What a part holds of a frame: mask, packed bool (H * W,), and pixels (n, 3) BGR or (n,)."""

    index: int
    stamp: int
    packed: np.ndarray
    pixels: np.ndarray


def _read_part(part: Path) -> Iterator[_RestoredPixels]:
    with zipfile.ZipFile(part) as archive:
        names = iter(archive.namelist())
        for name in names:
            arrays = []
            for entry in (name, next(names)):
                with archive.open(entry) as file:
                    arrays.append(np.lib.format.read_array(file))
            _, index, stamp = map(int, name.split('-'))
            yield _RestoredPixels(index, stamp, *arrays)


def _fill_in(message: Any, msgtype: str, restored: _RestoredPixels) -> Any:
    """Replace pixels of an image message; returns the message of the mask that marks them."""
    stamp = message.header.stamp.sec * NANO + message.header.stamp.nanosec
    if stamp != restored.stamp:
        raise InputError(f'image {restored.index} has stamp {stamp}, had {restored.stamp} before')
    if msgtype == COMPRESSED:
        image = np.asarray(cv2.imdecode(message.data, cv2.IMREAD_ANYCOLOR))
        mask = _unpacked(restored, image.shape[:2])
        image[mask] = restored.pixels
        message.data = cv2.imencode('.png', image)[1].ravel()  # lossless
        message.format = re.sub('jpe?g', 'png', message.format)
    else:
        channels = CHANNELS[message.encoding]
        mask = _unpacked(restored, (message.height, message.width))
        message.data = message.data.copy()
        rows = message.data.reshape(message.height, message.step)[:, : message.width * channels]
        image = rows if channels == 1 else rows.reshape(*mask.shape, channels)
        image[mask] = _encoded(restored.pixels, message.encoding)
    height, width = mask.shape
    marked = np.where(mask, np.uint8(255), np.uint8(0)).ravel()
    return TYPES.types[RAW](message.header, height, width, 'mono8', 0, width, marked)


def _unpacked(restored: _RestoredPixels, size: tuple[int, ...]) -> np.ndarray:
    return np.unpackbits(restored.packed, count=size[0] * size[1]).reshape(size).view(bool)


def _encoded(pixels: np.ndarray, encoding: str) -> np.ndarray:
    """Bring pixels, uint8 (n, 3) BGR or (n,), to an encoding; alpha is opaque."""
    if encoding.startswith('rgb'):
        pixels = pixels[:, ::-1]
    if CHANNELS[encoding] == 4:
        pixels = np.pad(pixels, ((0, 0), (0, 1)), constant_values=255)
    return pixels


def _connections(connections: Sequence[Any], writer: Writer) -> dict[int, Any]:
    """Declare the topics of the input in the output; returns its connections by the input's id."""
    targets: dict[int, Any] = {}
    declared: dict[tuple[str, str, str], Any] = {}
    for c in connections:
        key = (c.topic, c.msgtype, str(c.ext))
        if key not in declared:
            declared[key] = writer.add_connection(
                c.topic,
                c.msgtype,
                msgdef=c.msgdef.data,
                rihs01=c.digest or NO_HASH,
                serialization_format=c.ext.serialization_format,
                offered_qos_profiles=c.ext.offered_qos_profiles,
            )
        targets[c.id] = declared[key]
    return targets


def _plugin(path: Path) -> StoragePlugin:
    files = [path] if path.is_file() else list(path.iterdir())
    sqlite = any(file.suffix == '.db3' for file in files)
    return StoragePlugin.SQLITE3 if sqlite else StoragePlugin.MCAP
