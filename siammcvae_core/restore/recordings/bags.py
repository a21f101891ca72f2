# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Restored bags: the same messages, but for the lost pixels of one image topic.

Parts hold restored pixels only. The output is the input read once more, message by message, with
those pixels replaced: all else, headers and stamps included, is the input to the bit.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
import shutil
from typing import Any
import zipfile

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer

from siammcvae_core.data.bags import exact_pixels, ImageTopic, recorded_image, RecordedImage, TYPES
from siammcvae_core.data.compressed_images import encode_png
from siammcvae_core.data.encodings import restored_pixels, to_frame
from siammcvae_core.data.image_topics import COMPRESSED, RAW, sibling
from siammcvae_core.data.recording import open_recording, Recording, storage_files
from siammcvae_core.errors import InputError, OutputError
from siammcvae_core.restore.recordings.sequence import MaskedFrame, Write
from siammcvae_core.restore.restored_frame import RestoredFrame

PART_SUFFIX = '.zip'
BAG_VERSION = 8  # what ROS 2 Iron and later read
CAUSAL, BOTH_SIDES = 255, 128  # values of restored/mask: whether frames after it helped
NO_HASH = f'RIHS01_{0:064}'  # where a recording has no hash of a message type


@contextmanager
def open_part(path: Path) -> Iterator[Write]:
    """Open a part: for each restored frame its mask in bits and the pixels replaced.

    The names of both say the frame, and what its mask is marked by.

    A damaged frame that could not be restored without losing something has an empty mask there.
    """
    with zipfile.ZipFile(path, 'w') as archive:

        def write(frame: MaskedFrame, restored: RestoredFrame | None) -> None:
            if restored is None or not (restored.mask.any() or _is_unsupported(frame)):
                return
            height, width = restored.mask.shape
            mark = BOTH_SIDES if restored.both_sides else CAUSAL
            for array in (np.packbits(restored.mask), restored.frame[restored.mask]):
                number = len(archive.namelist())
                name = f'{number}-{frame.index}-{frame.stamp}-{height}-{width}-{mark}'
                with archive.open(name, 'w', force_zip64=True) as file:
                    np.lib.format.write_array(file, array)

        yield write


class BagAssembler:
    """Writes the bag `images` with its lost pixels restored.

    `broken` says why the output ends before the input does.
    """

    suffix = PART_SUFFIX
    open_part = staticmethod(open_part)
    broken = ''

    def __init__(self, images: ImageTopic) -> None:
        self._path = images.path
        self._topic = images.topic
        self._mask_topic = sibling(images.topic, 'restored/mask')
        with open_recording(self._path) as recording:
            if any(c.topic == self._mask_topic for c in recording.connections):
                raise InputError(f'{self._path} has a topic {self._mask_topic} already')

    def join(self, parts: Sequence[Path], target: Path) -> None:
        """Write every message of the input at its time, and restored/mask beside the restored."""
        shutil.rmtree(target, ignore_errors=True)
        restored = chain.from_iterable(map(_read_part, parts))
        upcoming = next(restored, None)
        index = 0
        with (
            open_recording(self._path) as recording,
            _output(target),
            Writer(target, version=BAG_VERSION, storage_plugin=_plugin(self._path)) as writer,
        ):
            try:
                targets = _connections(recording.connections, writer)
            except (ValueError, TypeError, AttributeError) as error:
                raise InputError(f'{self._path}: topics that cannot be written: {error}') from error
            masks = writer.add_connection(self._mask_topic, RAW, typestore=TYPES)
            for connection, time, data in self._messages(recording):
                is_image = connection.topic == self._topic
                if not is_image or upcoming is None or upcoming.index != index:
                    writer.write(targets[connection.id], time, data)
                else:
                    image = recorded_image(index, time, connection.msgtype, data)
                    data = _filled_in(image, upcoming, data)
                    writer.write(targets[connection.id], time, data)
                    writer.write(masks, time, _marked(image.message.header, upcoming))
                    upcoming = next(restored, None)
                index += is_image

    def _messages(self, recording: Recording) -> Iterator[tuple[Any, int, bytes]]:
        try:
            yield from recording.messages()
        except Exception as error:  # damaged files raise errors of every parser rosbags is made of
            self.broken = ' '.join(str(error).split()) or type(error).__name__


@contextmanager
def _output(target: Path) -> Iterator[None]:
    """Blame the output for errors of writing it, and leave nothing of it on a full disk."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # each kind of storage raises errors of its own
        shutil.rmtree(target, ignore_errors=True)
        raise OutputError(f'{target} cannot be written: {error}') from error


def _is_unsupported(frame: MaskedFrame) -> bool:
    """Tell whether a frame has lost pixels that cannot be restored without losing others."""
    reason = frame.error.reason if frame.error and frame.frame.size else ''
    return reason == 'unsupported_encoding' and frame.mask is not None and bool(frame.mask.any())


@dataclass(frozen=True, eq=False)
class _RestoredPixels:
    """What a part holds of a frame: mask, bool (H, W), and its pixels (n, 3) BGR or (n,).

    `mark` is CAUSAL or BOTH_SIDES.
    """

    index: int
    stamp: int
    mark: int
    mask: np.ndarray
    pixels: np.ndarray


def _read_part(part: Path) -> Iterator[_RestoredPixels]:
    with zipfile.ZipFile(part) as archive:
        names = iter(archive.namelist())
        for name in names:
            arrays = []
            for entry in (name, next(names)):
                with archive.open(entry) as file:
                    arrays.append(np.lib.format.read_array(file))
            _, index, stamp, height, width, mark = map(int, name.split('-'))
            mask = np.unpackbits(arrays[0], count=height * width).reshape(height, width).view(bool)
            yield _RestoredPixels(index, stamp, mark, mask, arrays[1])


def _filled_in(image: RecordedImage, restored: _RestoredPixels, data: bytes) -> bytes:
    """Replace pixels of an image message; returns its data, which were `data`."""
    if image.stamp != restored.stamp:
        raise InputError(
            f'image {restored.index} has stamp {image.stamp}, had {restored.stamp} before'
        )
    if not restored.mask.any():
        return data
    message = image.message
    pixels, encoding = exact_pixels(image)
    frame = to_frame(pixels, encoding)
    if np.may_share_memory(frame, pixels):
        frame = frame.copy()
    frame[restored.mask] = restored.pixels
    pixels = restored_pixels(pixels, encoding, frame, restored.mask)
    if image.kind == COMPRESSED:
        message.data, message.format = encode_png(pixels, message.format)
    else:
        message.data = message.data.copy()
        rows = message.data.reshape(message.height, message.step)
        rows[:, : pixels[0].size] = pixels.reshape(message.height, -1)
    return bytes(TYPES.serialize_cdr(message, image.kind))


def _marked(header: Any, restored: _RestoredPixels) -> bytes:
    """Serialise the message of a mask that marks the restored pixels."""
    height, width = restored.mask.shape
    marked = restored.mask.view(np.uint8).ravel() * np.uint8(restored.mark)
    message = TYPES.types[RAW](header, height, width, 'mono8', 0, width, marked)
    return bytes(TYPES.serialize_cdr(message, RAW))


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
    sqlite = any('.db3' in file.suffixes for file in storage_files(path))
    return StoragePlugin.SQLITE3 if sqlite else StoragePlugin.MCAP
