# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small bags of a rendered drive with damaged frames, and the restore command on them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag2 import Reader, StoragePlugin, Writer

from siammcvae_core.data.bags import TYPES
from siammcvae_core.data.image_topics import COMPRESSED, RAW, sibling
from siammcvae_core.restore.__main__ import main
from siammcvae_core.simulation.drive import DriveSim

WIDTH, HEIGHT, FRAMES = 64, 48, 12
LOST = (5, 6)
START, STEP = 10**12, 10**8
TYPE = TYPES.types
TOPIC = '/front/image_raw'

Message = Any


def header(stamp: int) -> Message:
    time = TYPE['builtin_interfaces/msg/Time'](*divmod(stamp, 10**9))
    return TYPE['std_msgs/msg/Header'](time, 'lens')


def stamp(number: int) -> int:
    return START + number * STEP


def raw(number: int, pixels: np.ndarray, encoding: str, at: int | None = None) -> Message:
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(len(pixels), -1)
    stamped = header(stamp(number) if at is None else at)
    height, width = pixels.shape[:2]
    return TYPE[RAW](stamped, height, width, encoding, 0, rows.shape[1], rows.ravel())


def compressed(number: int, data: bytes, image_format: str) -> Message:
    return TYPE[COMPRESSED](header(stamp(number)), image_format, np.frombuffer(data, np.uint8))


def mask(number: int, lost: Sequence[int] = LOST) -> np.ndarray:
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    drawn[10:30, 16:41] = 255 * (number in lost)
    return drawn


def drive() -> list[np.ndarray]:
    frames = [frame.image.copy() for frame in DriveSim((WIDTH, HEIGHT), frames=FRAMES)]
    for number in LOST:
        frames[number][mask(number) > 0] = 200
    return frames


def kind_of(message: Message) -> str:
    return str(message.__msgtype__)


def record(path: Path, messages: Sequence[tuple[str, int, Message]]) -> Path:
    """Write (topic, time of recording, message), in this order."""
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topics: dict[str, Any] = {}
        for topic, time, message in messages:
            kind = kind_of(message)
            if topic not in topics:
                topics[topic] = writer.add_connection(topic, kind, typestore=TYPES)
            writer.write(topics[topic], time, TYPES.serialize_cdr(message, kind))
    return path


def with_masks(
    images: Sequence[Message], masks: Sequence[Message], topic: str = TOPIC
) -> list[tuple[str, int, Message]]:
    """Interleave images with the masks recorded just before them."""
    masked = '/compressed' if kind_of(masks[0]) == COMPRESSED else ''
    messages = []
    for number, (image, lost) in enumerate(zip(images, masks, strict=True)):
        messages.append((sibling(topic, f'fault_mask{masked}'), stamp(number), lost))
        messages.append((topic, stamp(number) + 1, image))
    return messages


def plain_masks() -> list[Message]:
    return [raw(number, mask(number), 'mono8') for number in range(FRAMES)]


def recorded(path: Path, topic: str) -> list[Message]:
    with Reader(path) as reader:
        wanted = [c for c in reader.connections if c.topic == topic]
        return [TYPES.deserialize_cdr(d, c.msgtype) for c, _, d in reader.messages(wanted)]


def restore(bag: Path, *options: str, status: int = 0) -> Path:
    out = bag.with_name(f'{bag.name}_restored')
    assert main([str(bag), str(out), '--weights', 'none', *options]) == status
    return out
