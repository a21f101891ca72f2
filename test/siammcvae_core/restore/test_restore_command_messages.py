# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The restore command on messages of every kind: kept samples stay, and masks are read or named."""

from collections.abc import Callable
from pathlib import Path
import struct

import cv2
import numpy as np
import pytest
from support.bags import (
    compressed,
    drive,
    FRAMES,
    kind_of,
    LOST,
    mask,
    Message,
    plain_masks,
    raw,
    record,
    recorded,
    restore,
    stamp,
    TOPIC,
    with_masks,
)

from siammcvae_core.data.encodings import ENCODINGS, restored_pixels, to_frame
from siammcvae_core.data.image_topics import COMPRESSED
from siammcvae_core.restore.restorer import Restorer


def in_encoding(frame: np.ndarray, encoding: str) -> np.ndarray:
    """Bring a BGR frame to an encoding."""
    how = ENCODINGS[encoding]
    if how.from_bgr is not None:
        return cv2.cvtColor(frame, how.from_bgr)
    if how.bayer is None and how.luma is None:
        return frame if how.channels == 3 else np.ascontiguousarray(frame[..., 1])
    shape = frame.shape[:2] if how.bayer else (*frame.shape[:2], 2)
    whole = np.ones(frame.shape[:2], np.bool_)
    return restored_pixels(np.zeros(shape, np.uint8), encoding, frame, whole)


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_every_encoding_of_the_node(encoding: str, tmp_path: Path) -> None:
    """What comes out is what the node publishes, to the bit."""
    pixels = [in_encoding(frame, encoding) for frame in drive()]
    images = [raw(number, image, encoding) for number, image in enumerate(pixels)]
    out = restore(record(tmp_path / 'bag', with_masks(images, plain_masks())), '--causal')
    restorer = Restorer()
    for number, (image, after) in enumerate(zip(pixels, recorded(out, TOPIC), strict=True)):
        assert after.encoding == encoding
        frame, lost = to_frame(image, encoding), mask(number) > 0
        if lost.any():
            restored = restorer.restore(frame, lost, stamp(number) * 1e-9)
            assert restored.mask.any()
            image = restored_pixels(image, encoding, restored.frame, restored.mask)
        else:
            restorer.observe(frame, stamp(number) * 1e-9)
        np.testing.assert_array_equal(after.data, image.ravel())


def exif(data: bytes, orientation: int) -> bytes:
    ifd = struct.pack('>HHHIHHI', 1, 0x112, 3, 1, orientation, 0, 0)
    content = b'Exif\0\0MM\0*\0\0\0\x08' + ifd
    return data[:2] + b'\xff\xe1' + struct.pack('>H', len(content) + 2) + content + data[2:]


def png(pixels: np.ndarray) -> bytes:
    return cv2.imencode('.png', pixels)[1].tobytes()


def jpeg(pixels: np.ndarray) -> bytes:
    return cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def grey(frame: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(frame[..., 1])


def with_alpha(frame: np.ndarray) -> np.ndarray:
    return np.dstack([frame, grey(frame)])


RESTORED: dict[str, tuple[Callable[[np.ndarray], bytes], str, str]] = {
    'PNG': (png, 'png', 'png'),
    'grey PNG': (
        lambda f: png(grey(f)),
        'mono8; png compressed mono8',
    )
    * 1
    + ('mono8; png compressed mono8',),
    'alpha': (
        lambda f: png(with_alpha(f)),
        'rgba8; png compressed bgra8',
    )
    * 1
    + ('rgba8; png compressed bgra8',),
    'JPEG': (jpeg, 'Jpeg', 'png'),
    'grey JPEG': (
        lambda f: jpeg(grey(f)),
        'mono8; jpeg compressed mono8',
    )
    * 1
    + ('mono8; png compressed mono8',),
    'lying': (png, 'bgr8; jpeg compressed bgr8', 'bgr8; png compressed bgr8'),
    'EXIF, upright': (lambda f: exif(jpeg(f), 1), 'jpeg', 'png'),
}


@pytest.mark.parametrize('name', RESTORED)
def test_compressed_images_keep_their_samples(name: str, tmp_path: Path) -> None:
    encode, before, after = RESTORED[name]
    images = [compressed(n, encode(frame), before) for n, frame in enumerate(drive())]
    topic = f'{TOPIC}/compressed'
    out = restore(record(tmp_path / 'bag', with_masks(images, plain_masks(), topic)))
    for number, (old, new) in enumerate(zip(images, recorded(out, topic), strict=True)):
        if number not in LOST:
            assert (new.format, bytes(new.data)) == (before, bytes(old.data))
            continue
        assert new.format == after
        was, now = (cv2.imdecode(m.data, cv2.IMREAD_UNCHANGED) for m in (old, new))
        assert (was.shape, was.dtype) == (now.shape, now.dtype)
        lost = mask(number) > 0
        np.testing.assert_array_equal(was[~lost], now[~lost])
        assert (was[lost] != now[lost]).any()
        if was.shape[-1] == 4:
            assert (now[lost][:, 3] == 255).all()
    assert len(recorded(out, '/front/restored/mask')) == len(LOST)


PASSED: dict[str, tuple[Callable[[np.ndarray], bytes], str]] = {
    '16 bits': (lambda f: png(f.astype(np.uint16) * 257), 'uint16'),
    '16 bits, grey': (lambda f: png(grey(f).astype(np.uint16)), 'uint16'),
    '16 bits, alpha': (lambda f: png(with_alpha(f).astype(np.uint16) * 3), 'uint16'),
    'turned left': (lambda f: exif(jpeg(f), 8), 'EXIF'),
    'mirrored': (lambda f: exif(jpeg(grey(f)), 2), 'EXIF'),
}


@pytest.mark.parametrize('name', PASSED)
def test_what_would_change_is_passed_on(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encode, why = PASSED[name]
    images = [compressed(n, encode(frame), 'png') for n, frame in enumerate(drive())]
    topic = f'{TOPIC}/compressed'
    out = restore(record(tmp_path / 'bag', with_masks(images, plain_masks(), topic)))
    for old, new in zip(images, recorded(out, topic), strict=True):
        assert (new.format, bytes(new.data)) == (old.format, bytes(old.data))
    marks = recorded(out, '/front/restored/mask')
    assert [m.header.stamp.nanosec for m in marks] == [stamp(n) % 10**9 for n in LOST]
    assert not any(m.data.any() for m in marks)
    text = capsys.readouterr().out
    assert f'{FRAMES} passed: unsupported_encoding' in text
    assert why in text


def test_one_image_that_differs_does_not_end_the_bag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [compressed(n, png(frame), 'png') for n, frame in enumerate(drive())]
    images[2] = compressed(2, png(grey(drive()[2]).astype(np.uint16)), 'png')
    images[8] = compressed(8, png(drive()[8])[:300], 'png')
    topic = f'{TOPIC}/compressed'
    out = restore(record(tmp_path / 'bag', with_masks(images, plain_masks(), topic)), status=1)
    assert len(recorded(out, topic)) == FRAMES
    text = capsys.readouterr()
    assert (
        '8 intact, 1 passed: malformed_image, 1 passed: unsupported_encoding, 2 restored'
        in text.out
    )
    assert 'the first at 8: PNG data of 300 bytes end too early' in text.err


MASKS: dict[str, Callable[[int], Message]] = {
    'mono16': lambda n: raw(n, mask(n).astype(np.uint16) // 255, 'mono16'),
    '16UC1': lambda n: raw(n, mask(n).astype(np.uint16) * 257, '16UC1'),
    '32FC1': lambda n: raw(n, mask(n).astype(np.float32) * 1e-6, '32FC1'),
    'rgb8': lambda n: raw(n, np.dstack([mask(n) // 85, mask(n) * 0, mask(n) * 0]), 'rgb8'),
    'bgra8': lambda n: raw(n, np.dstack([mask(n)] * 3 + [mask(n) * 0 + 255]), 'bgra8'),
    'PNG of 16 bits': lambda n: compressed(n, png(mask(n).astype(np.uint16)), 'png'),
    'colour PNG': lambda n: compressed(n, png(np.dstack([mask(n) // 255] + [mask(n) * 0] * 2)), ''),
}


@pytest.mark.parametrize('name', MASKS)
def test_masks_of_every_kind(name: str, tmp_path: Path) -> None:
    images = [raw(n, frame, 'bgr8') for n, frame in enumerate(drive())]
    bag = record(tmp_path / 'bag', with_masks(images, [MASKS[name](n) for n in range(FRAMES)]))
    marks = recorded(restore(bag, '--causal'), '/front/restored/mask')
    assert len(marks) == len(LOST)
    for number, mark in zip(LOST, marks, strict=True):
        np.testing.assert_array_equal(mark.data, mask(number).ravel())


@pytest.mark.parametrize(
    ('lost', 'why'),
    [
        (raw(5, np.dstack([mask(5) * 0] * 3 + [mask(5)]), 'rgba8'), 'transparent'),
        (raw(5, mask(5), 'bayer_rggb8'), 'bayer_rggb8'),
        (compressed(5, jpeg(mask(5)), 'jpeg'), 'are not PNG'),
    ],
)
def test_a_mask_that_cannot_be_read_is_named(
    lost: Message, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [raw(n, frame, 'bgr8') for n, frame in enumerate(drive())]
    masks = plain_masks()
    if kind_of(lost) == COMPRESSED:
        masks = [compressed(n, png(mask(n)), 'png') for n in range(FRAMES)]
    masks[5] = lost
    out = restore(record(tmp_path / 'bag', with_masks(images, masks)), status=1)
    after = recorded(out, TOPIC)
    np.testing.assert_array_equal(after[5].data, images[5].data)
    text = capsys.readouterr()
    assert '10 intact, 1 passed: mask_unreadable, 1 restored' in text.out
    assert 'mask 5: ' in text.err
    assert why in text.err
