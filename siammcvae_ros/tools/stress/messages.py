# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Messages of the stress test: frames, masks and camera_info, valid and invalid."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache

import numpy as np
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from siammcvae_core.data.encodings import ENCODINGS
from siammcvae_core.faults.masks import make_mask
from siammcvae_ros.bridge.images import image_message

USUAL_SIZE = (48, 64)
LARGEST = (120, 160)  # a flood of them still fits into shared memory
SIZES = (USUAL_SIZE, (64, 48), (96, 128), LARGEST, (33, 17), (1, 1), (2, 3), (1, 200), (300, 1))
"""Heights and widths of valid frames."""
SCENES = 3
PATTERNS = ('none', 'band:0.25', 'random:0.75', 'slices:0.3', 'block:0.2', 'full')
CELL = 16
GARBLED = 'garbled'
"""Frame id of messages that cannot be deserialised, or only in part."""
ODD_ENCODINGS = (
    *('', 'BGR8', 'bgr8 ', 'mono16', '16UC1', '32FC1', 'nv12', 'bayer_rggb16', '8UC2', 'jpeg'),
    *('../../etc/passwd', '%s%n', 'ünïcödé ☃', 'x' * 5000),
)
HUGE = 2**32 - 1
CLAIMED = 8192  # px; a buffer of this height and width would take hundreds of MB


class Expectation(Enum):
    """What the node may do with a frame."""

    RESTORE_OR_PASS = 'restore or pass'
    """A valid frame: restored, passed on, or dropped for a named reason."""
    PASS_UNCHANGED = 'pass unchanged'
    """An unsupported encoding: passed on unchanged, or dropped."""
    REJECT = 'reject'
    """Its fields contradict each other: never published."""


@dataclass(frozen=True, eq=False)
class MessageTemplate:
    """A message to be sent under many headers, or the raw bytes of one; `name` describes it."""

    name: str
    message: Image | CameraInfo | bytes
    expectation: Expectation = Expectation.RESTORE_OR_PASS


@cache
def frame(size: tuple[int, int], encoding: str, scene: int) -> MessageTemplate:
    """Build a valid frame of `size` (H, W)."""
    channels = ENCODINGS[encoding].channels
    shape = size if channels == 1 else (*size, channels)
    rng = np.random.default_rng((*size, channels, scene))
    pixels = rng.integers(0, 256, shape, np.uint8)
    name = f'{size[1]}x{size[0]} {encoding} frame'
    return MessageTemplate(name, image_message(Header(), pixels, encoding))


@cache
def mask(size: tuple[int, int], pattern: str, cells: bool) -> MessageTemplate:
    """Build a valid mask for frames of `size` (H, W), full-size or its grid of 16 px cells."""
    grid = (-(-size[0] // CELL), -(-size[1] // CELL)) if cells else size
    lost = np.zeros(grid, np.bool_)
    if pattern != 'none':
        lost = make_mask(pattern, grid, np.random.default_rng(grid))
    pixels = lost.view(np.uint8) * np.uint8(255)
    return MessageTemplate(
        f'{grid[1]}x{grid[0]} {pattern} mask', image_message(Header(), pixels, 'mono8')
    )


@cache
def info(size: tuple[int, int], focal: float) -> MessageTemplate:
    """Build a camera_info; an invalid `focal` length also gets 1000 distortion coefficients."""
    message = CameraInfo(height=size[0], width=size[1], distortion_model='plumb_bob')
    message.k[0] = message.k[4] = focal
    message.d = [focal] * (0 if focal > 0 else 1000)
    return MessageTemplate(f'camera_info of focal length {focal}', message)


@cache
def invalid_frames() -> tuple[MessageTemplate, ...]:
    """Build frames whose fields contradict each other or whose encoding is unsupported."""
    templates = [
        MessageTemplate(name, _changed(change), Expectation.REJECT)
        for name, change in _CONTRADICTIONS
    ]
    for encoding in ODD_ENCODINGS:
        message = _usual_image()
        message.encoding = encoding
        templates.append(
            MessageTemplate(f"encoding '{encoding[:20]}'", message, Expectation.PASS_UNCHANGED)
        )
    for side in (CLAIMED, HUGE):
        message = image_message(Header(), np.zeros((1, 8), np.uint8), 'nv12')
        message.height = message.width = side
        templates.append(
            MessageTemplate(
                f'8 bytes of nv12, claimed {side}x{side}', message, Expectation.PASS_UNCHANGED
            )
        )
    return tuple(templates)


@cache
def padded_frame() -> MessageTemplate:
    """Build a valid frame whose rows are padded."""
    message = _usual_image()
    message.step += 7
    message.data.frombytes(bytes(7 * message.height))
    message.is_bigendian = 255
    return MessageTemplate('frame with padded rows', message)


@cache
def invalid_masks() -> tuple[MessageTemplate, ...]:
    """Build masks that cannot be read, or fit no frame."""
    templates = [
        MessageTemplate(f'mask: {name}', _changed(change)) for name, change in _CONTRADICTIONS
    ]
    for encoding in (*ODD_ENCODINGS, 'bgr8', 'rgba8'):
        message = image_message(Header(), np.full(USUAL_SIZE, 255, np.uint8), 'mono8')
        message.encoding = encoding
        templates.append(MessageTemplate(f"mask of encoding '{encoding[:20]}'", message))
    for size in ((1, 1), (7, 5), (48, 63), (49, 64), (2, 2), (500, 1), (3, 4), (4, 4)):
        message = image_message(Header(), np.full(size, 255, np.uint8), 'mono8')
        templates.append(MessageTemplate(f'mask of {size[1]}x{size[0]}', message))
    return tuple(templates)


@cache
def garbled_messages(topic_type: type) -> tuple[MessageTemplate, ...]:
    """Build byte strings that are no serialised message of `topic_type`."""
    # Strings of these lengths need no padding: padding bytes are uninitialised memory.
    message = _usual_image() if topic_type is Image else CameraInfo(distortion_model='equidistant')
    if topic_type is Image:
        message.encoding = 'mono16'
    message.header.frame_id = GARBLED
    whole = bytes(serialize_message(message))
    rng = np.random.default_rng(0)
    payloads = {
        'header only': whole[:4],
        'first half': whole[: len(whole) // 2],
        'all but the last byte': whole[:-1],
        'noise': rng.bytes(len(whole)),
        'noise behind a header': whole[:4] + rng.bytes(200),
        'ff': b'\xff' * 64,
        'ff behind a header': whole[:4] + b'\xff' * 64,
        'invalid UTF-8': whole.replace(b'mono16', b'\xff\xfe\xfd\xfc16'),
    }
    return tuple(
        MessageTemplate(f'garbled: {name}', bytes_, Expectation.REJECT)
        for name, bytes_ in payloads.items()
    )


def _usual_image() -> Image:
    return image_message(Header(), np.full(USUAL_SIZE, 100, np.uint8), 'mono8')


def _changed(change: Callable[[Image], None]) -> Image:
    message = _usual_image()
    change(message)
    return message


def _set(**fields: int) -> Callable[[Image], None]:
    def change(message: Image) -> None:
        for name, value in fields.items():
            setattr(message, name, value)

    return change


def _length(by: int) -> Callable[[Image], None]:
    def change(message: Image) -> None:
        pixels = bytes(message.data)
        message.data[:] = message.data[:0]
        message.data.frombytes(pixels[:by] if by <= 0 else pixels + bytes(by))

    return change


_CONTRADICTIONS: tuple[tuple[str, Callable[[Image], None]], ...] = (
    ('no data', _length(-48 * 64)),
    ('one byte too few', _length(-1)),
    ('one byte too many', _length(1)),
    ('twice the data', _length(48 * 64)),
    ('no height', _set(height=0)),
    ('no width', _set(width=0)),
    ('neither height nor width', _set(height=0, width=0, step=0)),
    ('no step', _set(step=0)),
    ('step too small', _set(step=63)),
    ('step too large', _set(step=HUGE)),
    ('huge height', _set(height=HUGE)),
    ('huge width', _set(width=HUGE)),
    ('huge all', _set(height=HUGE, width=HUGE, step=HUGE)),
    ('claims a large size', _set(height=CLAIMED, width=CLAIMED, step=CLAIMED)),
    ('height and width exchanged', _set(height=64, width=48)),
)
