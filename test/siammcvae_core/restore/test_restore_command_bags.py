# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The restore command on bags: nothing changes but the lost pixels of the image topic."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import Reader, StoragePlugin, Writer

from siammcvae_core.data.bags import BagImages, TYPES
from siammcvae_core.data.encodings import ENCODINGS
from siammcvae_core.data.pairs import to_core
from siammcvae_core.detection.detector import Detector
from siammcvae_core.restore.__main__ import main
from siammcvae_core.restore.restorer import Restorer
from siammcvae_core.simulation.drive import DriveSim

IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
STRING = 'std_msgs/msg/String'
WIDTH, HEIGHT, FRAMES, PADDING = 64, 48, 12, 5
LOST = (3, 4, 8)
TYPE = TYPES.types
START = 1_700_000_000

MOTION = ('--weights', 'none', '--causal')  # exact to the bit, and quick


def header(number: int) -> Any:
    stamp = TYPE['builtin_interfaces/msg/Time'](START, number * 100_000_000)
    return TYPE['std_msgs/msg/Header'](stamp, f'lens_{number}')


def raw(number: int, image: np.ndarray, encoding: str, padding: int = 0) -> Any:
    rows = image.reshape(len(image), -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=99)
    data = np.ascontiguousarray(rows).ravel()
    return TYPE[IMAGE](header(number), HEIGHT, WIDTH, encoding, 0, rows.shape[1], data)


def mask_of(number: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    if number in LOST:
        mask[10:30] = 3
    return mask


def record(
    path: Path,
    images: Sequence[Any],
    kind: str,
    plugin: StoragePlugin = StoragePlugin.MCAP,
    masks: Sequence[int] = range(FRAMES),
    mask_delay: int = 0,
) -> Path:
    """Write a bag: images, their masks and a chatter topic."""
    topic = '/front/image_raw' + ('/compressed' if kind == COMPRESSED else '')
    messages = []
    for number, message in enumerate(images):
        time = (START + number) * 10**9
        messages.append((time, 0, TYPES.serialize_cdr(message, kind)))
        if number in masks:
            mask = TYPES.serialize_cdr(raw(number, mask_of(number), 'mono8'), IMAGE)
            messages.append((time - 1 + mask_delay, 1, mask))
        text = TYPES.serialize_cdr(TYPE[STRING](f'word {number}'), STRING)
        messages.append((time + 5, 2, text))
    with Writer(path, version=8, storage_plugin=plugin) as writer:
        connections = [
            writer.add_connection(name, typename, typestore=TYPES)
            for name, typename in (
                (topic, kind), ('/front/fault_mask', IMAGE), ('/chatter', STRING)
            )
        ]  # fmt: skip
        for time, connection, data in sorted(messages, key=lambda message: message[0]):
            writer.write(connections[connection], time, data)
    return path


def messages(path: Path) -> list[tuple[str, int, bytes]]:
    with Reader(path) as reader:
        return [(c.topic, time, bytes(data)) for c, time, data in reader.messages()]


def drive(encoding: str) -> list[np.ndarray]:
    """Render a drive in an encoding, its damaged frames grey where lost."""
    codes = {'rgb8': cv2.COLOR_BGR2RGB, 'mono8': cv2.COLOR_BGR2GRAY, 'bgra8': cv2.COLOR_BGR2BGRA}
    frames = []
    for frame in DriveSim((WIDTH, HEIGHT), frames=FRAMES):
        image = frame.image
        if encoding in codes:
            image = cv2.cvtColor(image, codes[encoding])
        if encoding == 'bgra8':
            image[:, :, 3] = 17
        image[mask_of(frame.index) > 0] = 200
        frames.append(image)
    return frames


@pytest.mark.parametrize('encoding', ['bgr8', 'rgb8', 'mono8', 'bgra8'])
def test_only_lost_pixels_change(encoding: str, tmp_path: Path) -> None:
    images = [raw(n, image, encoding, PADDING) for n, image in enumerate(drive(encoding))]
    bag, out = record(tmp_path / 'bag', images, IMAGE), tmp_path / 'out'
    assert main([str(bag), str(out), '--topic', '/front/image_raw', *MOTION]) == 0
    before = messages(bag)
    after = [entry for entry in messages(out) if entry[0] != '/front/restored/mask']
    assert [entry[:2] for entry in after] == [entry[:2] for entry in before]
    restorer = Restorer()
    number = 0
    for (topic, _, original), (_, _, output) in zip(before, after, strict=True):
        if topic != '/front/image_raw':
            assert output == original
            continue
        mask = mask_of(number) > 0
        old, new = (TYPES.deserialize_cdr(data, IMAGE) for data in (original, output))
        source = next(f for f in BagImages(bag, topic) if f.index == number)
        if not mask.any():
            assert output == original
            restorer.observe(to_core(source), source.stamp * 1e-9)
        else:
            assert (new.header, new.step, new.encoding) == (old.header, old.step, old.encoding)
            rows = [m.data.reshape(HEIGHT, m.step) for m in (old, new)]
            assert np.array_equal(rows[0][:, -PADDING:], rows[1][:, -PADDING:])
            assert np.array_equal(rows[0][~mask.any(1)], rows[1][~mask.any(1)])
            expected = restorer.restore(to_core(source), mask, source.stamp * 1e-9).frame
            frame = next(f for f in BagImages(out, topic) if f.index == number)
            assert np.array_equal(to_core(frame), expected)
            if ENCODINGS[encoding].channels == 4:
                assert (frame.image[mask][:, 3] == 255).all()
        number += 1
    assert number == FRAMES


def test_restored_pixels_are_marked(tmp_path: Path) -> None:
    images = [raw(n, image, 'bgr8') for n, image in enumerate(drive('bgr8'))]
    bag, out = record(tmp_path / 'bag', images, IMAGE), tmp_path / 'out'
    assert main([str(bag), str(out), '--topic', 'front/image_raw', *MOTION]) == 0
    marks = list(BagImages(out, '/front/restored/mask'))
    assert [(m.stamp, m.frame_id) for m in marks] == [
        (START * 10**9 + n * 100_000_000, f'lens_{n}') for n in LOST
    ]
    for mark, number in zip(marks, LOST, strict=True):
        assert np.array_equal(mark.image, np.where(mask_of(number), 255, 0))


def test_compressed_images_stay_exact_where_intact(tmp_path: Path) -> None:
    images = [
        TYPE[COMPRESSED](
            header(n), 'bgr8; jpeg compressed bgr8', cv2.imencode('.jpg', image)[1].ravel()
        )
        for n, image in enumerate(drive('bgr8'))
    ]
    topic = '/front/image_raw/compressed'
    bag = record(tmp_path / 'bag', images, COMPRESSED, StoragePlugin.SQLITE3)
    out = tmp_path / 'out'
    assert main([str(bag), str(out), '--topic', topic, *MOTION]) == 0
    assert list(out.glob('*.db3'))
    before, after = (list(BagImages(path, topic)) for path in (bag, out))
    for original, output in zip(before, after, strict=True):
        mask = mask_of(original.index) > 0
        assert np.array_equal(original.image[~mask], output.image[~mask])
        if mask.any():
            assert np.abs(original.image[mask].astype(int) - output.image[mask]).mean() > 20
    kept = [m[2] for m in messages(bag) if m[0] == topic]
    new = [m[2] for m in messages(out) if m[0] == topic]
    same = [number for number in range(FRAMES) if kept[number] == new[number]]
    assert same == [number for number in range(FRAMES) if number not in LOST]
    assert TYPES.deserialize_cdr(new[LOST[0]], COMPRESSED).format == 'bgr8; png compressed bgr8'


def test_masks_may_be_late_or_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = [raw(n, image, 'bgr8') for n, image in enumerate(drive('bgr8'))]
    with_mask = [n for n in range(FRAMES) if n not in (4, 6)]
    delay = 3 * 10**9  # each mask comes three images late
    bag = record(tmp_path / 'bag', images, IMAGE, masks=with_mask, mask_delay=delay)
    out = tmp_path / 'out'
    assert main([str(bag), str(out), '--topic', '/front/image_raw', *MOTION]) == 0
    marks = [mark.frame_id for mark in BagImages(out, '/front/restored/mask')]
    assert marks == ['lens_3', 'lens_8']
    assert '12 frames: 8 intact, 2 no mask, 2 restored: warp.' in capsys.readouterr().out


def interrupt(
    monkeypatch: pytest.MonkeyPatch, bag: Path, out: Path, options: Sequence[str]
) -> None:
    """Restore a bag until a Ctrl-C in its second part."""
    restore = Restorer.restore

    def interrupted(self: Restorer, frame: np.ndarray, mask: np.ndarray, stamp: float) -> object:
        if stamp > START + 0.7:
            raise KeyboardInterrupt
        return restore(self, frame, mask, stamp)

    with monkeypatch.context() as patch:
        patch.setattr('siammcvae_core.restore.recordings.sequence.PART', 5)
        patch.setattr(Restorer, 'restore', interrupted)
        assert main([str(bag), str(out), *options]) == 130


def test_bag_resumes_after_an_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [raw(n, image, 'bgr8') for n, image in enumerate(drive('bgr8'))]
    bag, out, whole = record(tmp_path / 'bag', images, IMAGE), tmp_path / 'out', tmp_path / 'whole'
    options = ['--topic', '/front/image_raw', *MOTION]
    assert main([str(bag), str(whole), *options]) == 0
    interrupt(monkeypatch, bag, out, options)
    assert not out.exists()
    assert main([str(bag), str(out), *options]) == 0
    assert messages(out) == messages(whole)


def test_lost_pixels_of_a_bag_are_detected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [raw(n, image, 'bgr8') for n, image in enumerate(drive('bgr8'))]
    bag, out, whole = record(tmp_path / 'bag', images, IMAGE), tmp_path / 'out', tmp_path / 'whole'
    options = ['--topic', '/front/image_raw', '--detect', *MOTION]
    assert main([str(bag), str(whole), *options]) == 0
    detector, expected_masks = Detector(), {}
    for frame in BagImages(bag, '/front/image_raw'):
        mask = detector.inspect(to_core(frame), frame.stamp * 1e-9).pixels()
        if mask.any():
            expected_masks[frame.stamp] = np.where(mask, 255, 0)
    assert len(expected_masks) >= len(LOST)
    marks = list(BagImages(whole, '/front/restored/mask'))
    assert [mark.stamp for mark in marks] == list(expected_masks)
    for mark in marks:
        assert np.array_equal(mark.image, expected_masks[mark.stamp])
    interrupt(monkeypatch, bag, out, options)
    assert main([str(bag), str(out), *options]) == 0
    assert messages(out) == messages(whole)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--topic', '/front/image_raw', '--mask-topic', '/m', '--detect'], 'leave --mask'),
        (['--topic', '/front/image_raw', '--mask', 'x.mp4'], '--mask is for videos'),
        (['--topic', '/front/image_raw', '--mask-topic', '/none'], "no images on '/none'"),
        (['--topic', '/back/image_raw'], "no images on '/back/image_raw'"),
    ],
)
def test_unusable_bag_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    images = [raw(n, image, 'bgr8') for n, image in enumerate(drive('bgr8'))]
    bag = record(tmp_path / 'bag', images, IMAGE)
    assert main([str(bag), str(tmp_path / 'out'), *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count('\n') == 1
