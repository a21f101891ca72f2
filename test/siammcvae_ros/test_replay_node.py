# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The replay node over real DDS: a process of its own, watched through topics and exit status."""

from collections.abc import Callable, Iterator
from pathlib import Path
import signal
import time

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores
from support.replay import PATIENCE, Replay, SECOND, stamps, start

from siammcvae_core.data.clips import write_video
from siammcvae_core.data.encodings import image_view
from siammcvae_core.faults.camera import FaultInjector

FAULTS = ['random:0.5', 'band:0.25', 'slices:0.3', 'block:0.2', 'full', 'freeze']
SEED = 2  # strikes the 16 frames with every fault and leaves some intact
EXPECTED_STAMPS = [1_700_000_000 * SECOND + 7 + i * 40_000_000 for i in range(16)]
STORE = get_typestore(Stores.ROS2_JAZZY)


@pytest.fixture
def replay() -> Iterator[Callable[..., Replay]]:
    running: list[Replay] = []

    def begin(camera: str, *parameters: str) -> Replay:
        running.append(Replay(camera, *parameters))
        return running[-1]

    yield begin
    for one in running:
        one.close()


@pytest.fixture(scope='module')
def pictures() -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (16, 48, 72, 3), np.uint8))


@pytest.fixture(scope='module')
def bag(tmp_path_factory, pictures) -> Path:
    """Write a recording at 25 Hz whose rgb8 rows are padded, with its camera_info."""
    path = tmp_path_factory.mktemp('recordings') / 'drive'
    header = STORE.types['std_msgs/msg/Header']
    at = STORE.types['builtin_interfaces/msg/Time']
    kinds = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CameraInfo')
    k, r, p = np.arange(9.0), np.eye(3).ravel(), np.arange(12.0)
    roi = STORE.types['sensor_msgs/msg/RegionOfInterest'](1, 2, 30, 40, True)
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        image, info = (
            writer.add_connection(f'/front/{name}', kind, typestore=STORE)
            for name, kind in zip(('image_raw', 'camera_info'), kinds, strict=True)
        )
        for index, picture in enumerate(pictures):
            stamp = header(at(*divmod(EXPECTED_STAMPS[index], SECOND)), 'front_optical')
            rows = np.pad(picture.reshape(48, -1), ((0, 0), (0, 8)))
            messages = (
                (info, STORE.types[kinds[1]](
                    stamp, 48, 72, 'plumb_bob', np.arange(5.0), k, r, p, 0, 0, roi)),
                (image, STORE.types[kinds[0]](
                    stamp, 48, 72, 'rgb8', 0, rows.shape[1], rows.reshape(-1))),
            )  # fmt: skip
            for connection, message in messages:
                data = STORE.serialize_cdr(message, connection.msgtype)
                writer.write(connection, EXPECTED_STAMPS[index], data)
    return path


def test_a_bag_is_played_as_recorded_with_exact_masks(replay, bag, pictures):
    node = replay(
        '/front',
        f'source:={bag}',
        'camera:=front',
        'publish_clock:=true',
        f'faults:={FAULTS}',
        'fault_probability:=0.7',
        f'seed:={SEED}',
    )
    node.play()
    node.until(lambda: min(map(len, (node.images, node.masks, node.infos))) == 16)
    clocks: list[int] = []

    def last_clock_came() -> bool:
        clocks[:] = [c.clock.sec * SECOND + c.clock.nanosec for c in node.clocks]
        return clocks[-1:] == EXPECTED_STAMPS[-1:]

    node.until(last_clock_came)
    status, log = node.finish()
    assert status == 0, log
    assert stamps(node.images) == stamps(node.masks) == stamps(node.infos) == EXPECTED_STAMPS
    assert clocks == [stamp for stamp in EXPECTED_STAMPS if stamp in clocks]  # /clock is shallow

    faults = FaultInjector(FAULTS, 0.7, SEED)
    damaged_frames = [faults.inject(index, picture) for index, picture in enumerate(pictures)]
    assert {one.fault for one in damaged_frames} == {None, *FAULTS}
    for image, mask, damaged, picture in zip(
        node.images, node.masks, damaged_frames, pictures, strict=True
    ):
        assert (image.encoding, mask.encoding) == ('rgb8', 'mono8')
        assert {image.header.frame_id, mask.header.frame_id} == {'front_optical'}
        np.testing.assert_array_equal(image_view(image), damaged.frame)
        np.testing.assert_array_equal(image_view(mask), damaged.mask * np.uint8(255))
        intact = ~damaged.mask
        np.testing.assert_array_equal(image_view(image)[intact], picture[intact])
    info = node.infos[0]
    assert (info.width, info.height, info.distortion_model) == (72, 48, 'plumb_bob')
    assert (list(info.d), list(info.k), list(info.p)) == (
        list(np.arange(5.0)), list(np.arange(9.0)), list(np.arange(12.0)),
    )  # fmt: skip
    assert (info.roi.x_offset, info.roi.width, info.roi.do_rectify) == (1, 40, True)

    count = sum(one.fault is not None for one in damaged_frames)
    assert f'replayed 16 frames, {count} damaged (' in log
    assert f'full {sum(one.fault == "full" for one in damaged_frames)}' in log


def test_a_video_gets_stamps_from_its_time_codes_and_a_camera_info(replay, tmp_path):
    with write_video(tmp_path / 'v.mp4', 20) as append:
        for level in range(0, 120, 10):
            append(np.full((48, 72), level, np.uint8))
    node = replay(
        '/rear',
        f'source:={tmp_path / "v.mp4"}',
        'camera:=rear/',
        'stamp_origin:=100.5',
        'mask_scale:=16',
        "faults:=['full']",
        'fault_probability:=1.0',
        'frames:=10',
        'max_hz:=200.0',
        'rate:=10.0',
        'wait_for_subscribers:=1',
    )
    node.play()
    node.until(lambda: min(map(len, (node.images, node.masks, node.infos))) == 10)
    assert stamps(node.images) == [100_500_000_000 + i * 50_000_000 for i in range(10)]
    assert stamps(node.images) == stamps(node.masks) == stamps(node.infos)
    assert {image.encoding for image in node.images} == {'bgr8'}
    assert {(m.height, m.width) for m in node.masks} == {(3, 5)}
    assert all(image_view(mask).min() == 255 for mask in node.masks)
    info = node.infos[0]
    assert (info.width, info.height) == (72, 48)
    assert info.k[0] == info.k[4] > 0
    assert (info.k[2], info.k[5]) == (35.5, 23.5)
    assert node.clocks == []


def test_a_loop_starts_over_with_the_same_stamps_until_interrupted(replay, bag):
    node = replay(
        '/front',
        f'source:={bag}',
        'camera:=front',
        'loop:=true',
        'rate:=4.0',
        "faults:=['random:0.5']",
        'fault_probability:=0.5',
    )
    node.play()
    node.until(lambda: min(len(node.images), len(node.masks)) >= 40)
    node.process.send_signal(signal.SIGINT)
    status, log = node.finish()
    assert (status, 'Traceback' in log) == (0, False), log
    assert stamps(node.images)[:40] == (EXPECTED_STAMPS * 3)[:40]
    assert [m.data for m in node.images[:16]] == [m.data for m in node.images[16:32]]
    assert [m.data for m in node.masks[:16]] == [m.data for m in node.masks[16:32]]


def test_a_pause_holds_and_skips_nothing(replay, bag):
    node = replay('/front', f'source:={bag}', 'camera:=front', 'loop:=true')
    node.until(lambda: all(s.get_publisher_count() for s in node.subscriptions[:3]))
    node.set_paused(True)
    node.listen(0.4)  # ten periods
    began = time.time_ns()
    node.set_paused(False)
    node.until(lambda: len(node.images) >= 5)
    node.set_paused(True)
    paused = time.time_ns()
    node.listen(0.4)
    resumed = time.time_ns()
    node.set_paused(False)
    count = len(node.images)
    node.until(lambda: len(node.images) >= count + 5)
    node.process.terminate()
    status, log = node.finish()
    assert (status, 'Traceback' in log) == (0, False), log
    assert all(began < at < paused or at > resumed for at in node.published)
    assert stamps(node.images) == (EXPECTED_STAMPS * 9)[: len(node.images)]


def test_a_clip_that_breaks_is_played_as_far_as_it_goes_and_told(domain, tmp_path):
    for index in range(4):
        cv2.imwrite(str(tmp_path / f'{index}.png'), np.full((48, 72), index, np.uint8))
    (tmp_path / '3.png').write_bytes(b'no image')
    process = start(domain, f'source:={tmp_path}', 'rate:=10.0')
    log = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0, log
    assert '[WARN]' in log
    assert '3.png cannot be decoded as an image' in log
    assert 'replayed 3 frames, 0 damaged' in log


def test_mistakes_end_in_one_clear_line_and_status_2(bag, domain, tmp_path):
    noise = tmp_path / 'noise.mp4'
    noise.write_bytes(np.random.default_rng(0).bytes(5000))
    mistakes = {
        ('source:=/absent/drive.mp4',): 'no such file or folder: /absent/drive.mp4',
        (f'source:={noise}',): 'cannot be opened as a video',
        (f'source:={tmp_path}',): 'holds no images',
        (f'source:={bag}', 'topic:=/rear/image_raw'): 'it has: /front/image_raw',
        (f'source:={bag}', 'rate:=0.0'): 'rate out of range',
        (f'source:={bag}', 'frames:=some'): "'frames'",
        (f'source:={bag}', "faults:=['bend:0.2']"): "unknown fault 'bend'",
        (f'source:={bag}', "camera:='fr ont'"): 'Invalid topic name',
    }
    running = {start(domain, *parameters): line for parameters, line in mistakes.items()}
    for process, line in running.items():
        log = process.communicate(timeout=PATIENCE)[0]
        assert process.returncode == 2, log
        assert line in log
        assert len(log.strip().splitlines()) == 1, log
