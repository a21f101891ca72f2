# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which of the topics of a bag are a camera's images, and which are the masks beside them."""

from collections.abc import Mapping
from pathlib import Path

from siammcvae_core.errors import SourceError

RAW = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
FAULT_MASK = 'fault_mask'
NO_FRAMES = (FAULT_MASK, 'restored/mask', 'restored/uncertainty')
"""Images beside those of a camera that are none of its frames."""

Topics = Mapping[str, tuple[str, int]]
"""Message type and number of messages by the name of the topic."""


def sibling(image_topic: str, name: str) -> str:
    """Return a topic beside an image topic.

    >>> sibling('/front/image_raw/compressed', 'fault_mask')
    '/front/fault_mask'
    """
    return image_topic.removesuffix('/compressed').rpartition('/')[0] + f'/{name}'


def choose_topic(path: Path, topics: Topics, topic: str, beside: str = '') -> str:
    """Choose an image topic: `topic`, or the only one that is no mask, or has a mask beside it.

    `beside` is a mask topic whose camera is meant. Raises SourceError, with the topics there are,
    where none or several are left.
    """
    images = [
        name for name, (kind, count) in topics.items() if kind in (RAW, COMPRESSED) and count > 0
    ]
    if not images:
        raise SourceError(f'{path} holds no images (topics: {", ".join(topics) or "none"})')
    if topic:
        name = '/' + topic.lstrip('/')
        if name not in images:
            raise SourceError(f"{path} has no images on '{name}'; it has: {', '.join(images)}")
        return name
    frames = [name for name in images if not _is_beside(name)] or images
    if len(frames) > 1:
        masked = [name for name in frames if _has_mask(name, images, beside)]
        frames = masked if len(masked) == 1 else frames
    if len(frames) > 1:
        raise SourceError(f'{path} has {len(frames)} image topics, name one: {", ".join(frames)}')
    return frames[0]


def mask_topic(image_topic: str, topics: Topics) -> str:
    """Return the topic of the fault masks of an image topic, raw where there is one."""
    raw = sibling(image_topic, FAULT_MASK)
    compressed = f'{raw}/compressed'
    return compressed if compressed in topics and not topics.get(raw, ('', 0))[1] else raw


def _is_beside(name: str) -> bool:
    return name.removesuffix('/compressed').endswith(tuple(f'/{end}' for end in NO_FRAMES))


def _has_mask(name: str, images: list[str], beside: str) -> bool:
    if beside:
        mask = '/' + beside.lstrip('/').removesuffix('/compressed')
        return sibling(name, mask.rpartition('/')[2]) == mask
    mask = sibling(name, FAULT_MASK)
    return mask in images or f'{mask}/compressed' in images
