# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images out of recordings that rosbags wrote, raw and compressed, whole and damaged."""

from pathlib import Path
import re
import sqlite3

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

from siammcvae_core.data.sources import open_source
from siammcvae_core.errors import SourceError

STORE = get_typestore(Stores.ROS2_JAZZY)
IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'
STORAGES = {'sqlite3': StoragePlugin.SQLITE3, 'mcap': StoragePlugin.MCAP}
SECOND = 10**9


def header(stamp: int, frame_id: str = 'front_optical'):
    time = STORE.types['builtin_interfaces/msg/Time'](*divmod(stamp, SECOND))
    return STORE.types['std_msgs/msg/Header'](time, frame_id)


def raw(stamp: int, pixels: np.ndarray, encoding: str, padding: int = 0):
    height, width = pixels.shape[:2]
    rows = np.pad(pixels.reshape(height, -1), ((0, 0), (0, padding)), constant_values=255)
    return STORE.types[IMAGE](
        header(stamp), height, width, encoding, 0, rows.shape[1], rows.reshape(-1)
    )


def compressed(stamp: int, pixels: np.ndarray, suffix: str):
    data = cv2.imencode(suffix, pixels)[1]
    return STORE.types[COMPRESSED](header(stamp), suffix[1:], data)


def camera_info(stamp: int):
    roi = STORE.types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
    k = np.array([500, 0, 32, 0, 510, 24, 0, 0, 1.0])
    r, p = np.eye(3).ravel(), np.eye(3, 4).ravel()
    return STORE.types[CAMERA_INFO](
        header(stamp), 48, 64, 'plumb_bob', np.arange(5.0), k, r, p, 0, 0, roi
    )


def record(path: Path, messages: list[tuple[str, str, int, object]], storage: str = 'mcap') -> Path:
    """Write (topic, type, time of receipt, message) into a rosbag2 folder."""
    with Writer(path, version=9, storage_plugin=STORAGES[storage]) as writer:
        connections = {}
        for topic, kind, time, message in messages:
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
            writer.write(connections[topic], time, STORE.serialize_cdr(message, kind))
    return path


def pictures(count: int, shape: tuple[int, ...]) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8))


@pytest.mark.parametrize('storage', STORAGES)
def test_frames_keep_stamp_frame_id_encoding_and_every_byte(tmp_path, storage):
    images = pictures(3, (48, 64, 3))
    stamps = [17 * SECOND + 5, 17 * SECOND + 50_000_005, 17 * SECOND + 100_000_005]
    bag = record(
        tmp_path / 'bag',
        [('/front/camera_info', CAMERA_INFO, 1, camera_info(stamps[0]))]
        + [
            ('/front/image_raw', IMAGE, stamp + 999, raw(stamp, image, 'rgb8'))
            for stamp, image in zip(stamps, images, strict=True)
        ],
        storage,
    )
    source = open_source(bag)
    assert (source.size, len(source), source.stamped, source.broken) == ((64, 48), 3, True, '')
    assert source.rate == pytest.approx(20)
    for _ in range(2):
        frames = list(source)
        assert [f.stamp for f in frames] == stamps
        assert {f.frame_id for f in frames} == {'front_optical'}
        assert {f.encoding for f in frames} == {'rgb8'}
        for frame, image in zip(frames, images, strict=True):
            np.testing.assert_array_equal(frame.image, image)
    info = source.camera_info()
    assert (info.width, info.height, info.distortion_model) == (64, 48, 'plumb_bob')
    assert info.k[4] == 510


@pytest.mark.parametrize('storage', STORAGES)
def test_a_storage_file_opens_without_its_folder(tmp_path, storage):
    (image,) = pictures(1, (8, 8))
    bag = record(tmp_path / 'bag', [('/image', IMAGE, 1, raw(3, image, 'mono8'))], storage)
    (file,) = (entry for entry in bag.iterdir() if entry.name != 'metadata.yaml')
    assert [f.stamp for f in open_source(file)] == [3]
    (bag / 'metadata.yaml').unlink()
    assert [f.stamp for f in open_source(bag)] == [3]


@pytest.mark.parametrize(
    ('encoding', 'shape'),
    [('bgr8', (48, 61, 3)), ('mono8', (48, 61)), ('bgra8', (48, 61, 4)), ('rgba8', (48, 61, 4))],
)
def test_padded_rows_are_left_out_without_a_copy(tmp_path, encoding, shape):
    (image,) = pictures(1, shape)
    (frame,) = open_source(
        record(tmp_path / 'bag', [('/image', IMAGE, 1, raw(1, image, encoding, padding=7))])
    )
    np.testing.assert_array_equal(frame.image, image)
    assert frame.encoding == encoding
    assert frame.image.strides[0] == image.strides[0] + 7
    assert frame.image.base is not None


@pytest.mark.parametrize(
    ('suffix', 'shape', 'encoding'),
    [('.png', (48, 64, 3), 'bgr8'), ('.png', (48, 64), 'mono8'), ('.jpg', (48, 64, 3), 'bgr8')],
)
def test_compressed_images_are_decoded(tmp_path, suffix, shape, encoding):
    image = np.full(shape, 90, np.uint8)
    image[10:20] = 200
    source = open_source(
        record(
            tmp_path / 'bag',
            [
                ('/front/camera_info', CAMERA_INFO, 1, camera_info(5)),
                ('/front/image_raw/compressed', COMPRESSED, 2, compressed(5, image, suffix)),
            ],
        )
    )
    (frame,) = source
    assert (frame.stamp, frame.frame_id, frame.encoding) == (5, 'front_optical', encoding)
    np.testing.assert_allclose(frame.image.astype(int), image, atol=3)
    assert source.camera_info() is not None


def test_the_topic_is_chosen_by_name_among_several(tmp_path):
    images = pictures(2, (8, 8))
    bag = record(
        tmp_path / 'bag',
        [
            ('/left/image', IMAGE, 1, raw(1, images[0], 'mono8')),
            ('/right/image', IMAGE, 2, raw(2, images[1], 'mono8')),
            ('/right/camera_info', CAMERA_INFO, 2, camera_info(2)),
        ],
    )
    with pytest.raises(SourceError, match='2 image topics, name one: /left/image, /right/image'):
        open_source(bag)
    for name in ('/right/image', 'right/image'):
        (frame,) = open_source(bag, name)
        np.testing.assert_array_equal(frame.image, images[1])
    assert open_source(bag, '/left/image').camera_info() is None
    with pytest.raises(SourceError, match="no images on '/right/camera_info'; it has: /left/image"):
        open_source(bag, '/right/camera_info')


def test_a_bag_without_images_is_refused(tmp_path):
    bag = record(tmp_path / 'bag', [('/front/camera_info', CAMERA_INFO, 1, camera_info(1))])
    with pytest.raises(SourceError, match=r'holds no images \(topics: /front/camera_info\)'):
        open_source(bag)
    with pytest.raises(SourceError, match=r'holds no images \(topics: none\)'):
        open_source(record(tmp_path / 'empty', []))


def test_an_unknown_encoding_is_named(tmp_path):
    (image,) = pictures(1, (8, 8, 2))
    bag = record(tmp_path / 'bag', [('/image', IMAGE, 1, raw(1, image, 'my_format'))])
    with pytest.raises(SourceError, match="'my_format'") as caught:
        open_source(bag)
    assert '\n' not in str(caught.value)


def test_other_encodings_are_converted_by_rosbags_image(tmp_path):
    pytest.importorskip('rosbags.image', reason='rosbags-image is not installed')
    image = np.full((8, 8, 2), 128, np.uint8)  # 16 bits a pixel
    (frame,) = open_source(
        record(tmp_path / 'bag', [('/image', IMAGE, 1, raw(1, image, 'mono16'))])
    )
    assert frame.encoding == 'bgr8'
    np.testing.assert_allclose(frame.image.astype(int), np.full((8, 8, 3), 128), atol=1)


@pytest.mark.parametrize('encoding', ['uyvy', 'yuv422_yuy2', 'bayer_rggb8'])
def test_encodings_of_the_node_need_no_other_package(tmp_path, monkeypatch, encoding):
    monkeypatch.setattr('importlib.util.find_spec', lambda _: pytest.fail('looked for'))
    shape = (8, 8) if encoding.startswith('bayer') else (8, 8, 2)
    image = np.full(shape, 128, np.uint8)
    (frame,) = open_source(
        record(tmp_path / 'bag', [('/image', IMAGE, 1, raw(1, image, encoding))])
    )
    assert frame.encoding == 'bgr8'
    np.testing.assert_allclose(frame.image.astype(int), np.full((8, 8, 3), 129), atol=3)


@pytest.mark.parametrize(
    'lie', [{'step': 10}, {'step': 200}, {'height': 49}, {'height': 0}, {'width': 0}]
)
def test_a_lying_image_ends_the_bag_and_is_told(tmp_path, lie):
    good, bad = pictures(2, (48, 64))
    liar = raw(2, bad, 'mono8')
    for field, value in lie.items():
        setattr(liar, field, value)
    messages = [('/image', IMAGE, 1, raw(1, good, 'mono8')), ('/image', IMAGE, 2, liar)]
    source = open_source(record(tmp_path / 'bag', messages))
    assert [f.stamp for f in source] == [1]
    assert source.broken.startswith('message 1: ')
    with pytest.raises(SourceError, match='message 0: '):
        open_source(record(tmp_path / 'first', messages[1:]))


def test_a_compressed_image_that_does_not_decode_is_told(tmp_path):
    broken = STORE.types[COMPRESSED](header(1), 'jpeg', np.arange(50, dtype=np.uint8))
    with pytest.raises(SourceError, match=r"compressed image \('jpeg'\) does not decode"):
        open_source(record(tmp_path / 'bag', [('/image', COMPRESSED, 1, broken)]))


BOMB = '{a: &a [x, x], b: &b [*a, *a], c: &c [*b, *b], d: [*c, *c]}'  # doubles with every letter


@pytest.mark.parametrize(
    'metadata',
    ['', '[1, 2]', 'rosbag2_bagfile_information: {version: 5}', '{: \x01', 'a: [', BOMB],
)
def test_damaged_metadata_are_done_without(tmp_path, metadata):
    (image,) = pictures(1, (8, 8))
    bag = record(tmp_path / 'bag', [('/image', IMAGE, 1, raw(1, image, 'mono8'))])
    (bag / 'metadata.yaml').write_text(metadata)
    source = open_source(bag)
    assert len(list(source)) == len(source) == 1
    assert not source.broken
    assert 'metadata.yaml cannot be used' in source.note
    assert 'ros2 bag reindex' in source.note
    assert '\n' not in source.note


@pytest.mark.parametrize('storage', STORAGES)
def test_damaged_storage_is_told_and_never_a_traceback(tmp_path, storage):
    images = pictures(40, (48, 64))
    bag = record(
        tmp_path / 'bag',
        [('/image', IMAGE, i, raw(i, image, 'mono8')) for i, image in enumerate(images)],
        storage,
    )
    (file,) = (entry for entry in bag.iterdir() if entry.name != 'metadata.yaml')
    whole = file.read_bytes()
    rng = np.random.default_rng(0)
    lines = []
    for share in (0.0, 0.01, 0.3, 0.6, 0.95):
        for damage in ('cut', 'noise'):
            at = int(len(whole) * share)
            rest = b'' if damage == 'cut' else rng.bytes(3000) + whole[at + 3000 :]
            file.write_bytes(whole[:at] + rest)
            try:
                source = open_source(bag)
                read = len(list(source))
            except SourceError as error:
                lines.append(str(error))
            else:
                assert read == 40 or source.broken
                lines.append(source.broken)
    assert sum(map(bool, lines)) >= 5
    assert '\n' not in ''.join(lines)


def test_a_database_that_is_no_bag_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / 'other.db3') as database:
        database.execute('CREATE TABLE people(name TEXT)')
    database.close()
    with pytest.raises(SourceError, match='not a readable rosbag2'):
        open_source(tmp_path / 'other.db3')


@pytest.mark.parametrize('count', ['12.0', '-3', '"12"'])
def test_a_count_of_messages_that_is_none_is_named(tmp_path, count):
    items = [
        ('/front', IMAGE, stamp, raw(stamp, pixels, 'mono8'))
        for stamp, pixels in enumerate(pictures(3, (8, 8)), 10**9)
    ]
    path = record(tmp_path / 'bag', items)
    metadata = path / 'metadata.yaml'
    text = re.sub(r'message_count: \d+', f'message_count: {count}', metadata.read_text())
    metadata.write_text(text)
    with pytest.raises(SourceError, match='bag'):
        len(open_source(path))
