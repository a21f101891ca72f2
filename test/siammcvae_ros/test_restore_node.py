# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The restore node as a process of its own, over real DDS."""

import itertools

import numpy as np
import pytest
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from support.stream import BAND, header, HEIGHT, NOTHING, PATIENCE, Stream, view, WIDTH

from siammcvae_core.data.encodings import image_view
from siammcvae_ros.bridge.images import image_message, stamp_ns


@pytest.mark.parametrize(
    ('encoding', 'channels'), [('bgr8', 3), ('rgb8', 3), ('mono8', 1), ('rgba8', 4)]
)
def test_intact_frames_are_identical_and_damaged_ones_restored(stream, encoding, channels):
    for index in range(3):
        pixels = view(index, channels)
        out = stream.serve(index, pixels, NOTHING, encoding)
        sent = image_message(header(index), pixels, encoding)
        assert out == sent
    pixels = view(3, channels)
    damaged = pixels.copy()
    damaged[BAND != 0] = 0
    out = stream.serve(3, damaged, BAND, encoding)
    assert out.header == header(3)
    assert (out.encoding, out.step) == (encoding, WIDTH * channels)
    restored = image_view(out)
    np.testing.assert_array_equal(restored[BAND == 0], pixels[BAND == 0])
    error = np.abs(restored.astype(int) - pixels)[BAND != 0]
    assert error[..., :3].mean() < 20
    stream.wait_until(lambda: len(stream.restored_masks) == 4, 'the restored masks')
    np.testing.assert_array_equal(image_view(stream.restored_masks[3]), BAND)
    assert not image_view(stream.restored_masks[2]).any()
    stream.wait_for_status(received=4, restored__warp=1, passed__intact=3, dropped=0)


def test_the_model_of_the_package_serves_as_long_as_there_is_time(
    start, probe, wait_until, settings
):
    pytest.importorskip('torch', reason='PyTorch is not installed')
    del settings['weights']
    start('restore_node', **settings, model_budget=0.000001)
    # The first start tries the libraries for CPUs that are installed.
    stream = Stream(probe, wait_until).connect(4 * PATIENCE)
    for index in range(3):
        stream.serve(index, mask=NOTHING)
    for index in (3, 4):  # the time the model takes is measured by its first run
        damaged = view(index)
        damaged[BAND != 0] = 0
        restored = image_view(stream.serve(index, damaged, BAND))
        np.testing.assert_array_equal(restored[BAND == 0], view(index)[BAND == 0])
    status = stream.wait_for_status(
        received=5, restored__model=1, restored__warp=1, passed__intact=3, dropped=0
    )
    assert 'the model takes' in status['last_error']


def test_camera_info_goes_with_each_frame_under_its_header(stream):
    for index in range(100):
        stream.infos.publish(CameraInfo(header=header(0), width=WIDTH, height=HEIGHT, k=[7.0] * 9))
        stream.serve(index, mask=NOTHING)
        if stream.info:
            break
    due = [header(200), header(201)]
    for index in (200, 201):
        stream.serve(index, mask=BAND if index == 201 else NOTHING)
    stream.wait_until(
        lambda: [info.header for info in stream.info if info.header in due] == due,
        'camera_info beside each frame',
    )
    assert stream.info[-1].k.tolist() == [7.0] * 9


def test_padded_rows_pass_unchanged_and_restore_packed(stream):
    for index in range(3):
        pixels = view(index)
        padded = np.zeros((HEIGHT, WIDTH * 3 + 5), np.uint8)
        padded[:, : WIDTH * 3] = pixels.reshape(HEIGHT, -1)
        mask = BAND if index == 2 else NOTHING
        stream.masks.publish(image_message(header(index), mask, 'mono8'))
        msg = image_message(header(index), padded, 'mono8')
        msg.encoding, msg.width = 'bgr8', WIDTH
        before = len(stream.out)
        stream.images.publish(msg)
        stream.wait_until(lambda seen=before: len(stream.out) > seen, f'frame {index}')
        if index < 2:
            assert stream.out[-1] == msg
        np.testing.assert_array_equal(image_view(stream.out[-1])[mask == 0], pixels[mask == 0])
    stream.wait_for_status(restored__warp=1)


def test_mask_after_never_twice_and_of_another_size(stream):
    for index in (0, 1):
        stream.serve(index, mask=NOTHING)

    before = len(stream.out)
    stream.send(2)
    stream.masks.publish(image_message(header(2), BAND, 'mono8'))
    stream.wait_until(lambda: len(stream.out) > before, 'the frame whose mask came after')
    stream.wait_for_status(restored__warp=1)

    for mask in (NOTHING, BAND):
        stream.masks.publish(image_message(header(3), mask, 'mono8'))
    stream.wait_for_status(masks__received=5, masks__duplicate=1)
    stream.serve(3)
    stream.wait_for_status(restored__warp=2)

    stream.serve(4, mask=np.full((HEIGHT + 1, WIDTH), 255, np.uint8))
    stream.wait_for_status(passed__mask_size=1)

    stream.send(5)
    stream.serve(6, mask=NOTHING)
    stream.wait_until(lambda: len(stream.out) == 7, 'the frame whose mask never came')
    stream.masks.publish(image_message(header(5), BAND, 'mono8'))
    stream.wait_for_status(passed__intact=3, passed__late_mask=1, masks__late=1)
    assert [out.header for out in stream.out] == [header(index) for index in range(7)]


def test_latched_mask(start, probe, wait_until, settings):
    start('restore_node', **settings, mask_mode='latched')
    stream = Stream(probe, wait_until).connect()
    for index in (0, 1):
        stream.serve(index)
    stream.masks.publish(image_message(header(0), BAND, 'mono8'))
    stream.wait_for_status(masks__received=1)
    for index in (2, 3):
        stream.serve(index)
    stream.wait_for_status(restored__warp=2, passed__intact=2)


def test_masks_off(start, probe, wait_until, settings):
    start('restore_node', **settings, mask_mode='off')
    stream = Stream(probe, wait_until)
    stream.connect(masks=False)
    stream.serve(0, mask=BAND)
    stream.wait_for_status(passed__intact=1, masks__received=0)
    assert stream.masks.get_subscription_count() == 0


def test_uncertainty_is_zero_where_intact(stream, probe):
    uncertainty = probe.listen(Image, 'front/restored/uncertainty')
    stream.connect()
    for index in range(2):
        stream.serve(index, mask=NOTHING)
    stream.serve(2, mask=BAND)
    stream.wait_until(lambda: len(uncertainty) == 3, 'uncertainty beside each frame')
    assert {msg.encoding for msg in uncertainty} == {'32FC1'}
    maps = [np.frombuffer(m.data, np.float32).reshape(HEIGHT, WIDTH) for m in uncertainty]
    assert not maps[1].any()
    assert (maps[2][BAND == 0] == 0).all()
    assert (maps[2][BAND != 0] > 0).all()


def test_hostile_messages_are_named_and_the_node_goes_on(stream):
    for index in (0, 1):
        stream.serve(index, mask=NOTHING)
    good = image_message(header(2), view(2), 'bgr8')

    def broken(**fields):
        msg = image_message(header(2), view(2), 'bgr8')
        for name, value in fields.items():
            setattr(msg, name, value)
        return msg

    unknown = broken(encoding='bayer_rggb16')
    for msg in (
        unknown,
        broken(step=5),
        broken(height=HEIGHT + 1),
        broken(width=0),
        broken(height=2**32 - 1, width=2**32 - 1, step=2**32 - 1),
    ):
        stream.images.publish(msg)
    stream.wait_for_status(received=7, dropped__malformed_image=3, dropped__empty_image=1)
    stream.wait_for_status(passed__unsupported_encoding=1)
    stream.wait_until(lambda: stream.out[-1] == unknown, 'the one of an unknown encoding')

    unreadable = image_message(header(3), BAND, 'mono8')
    unreadable.step = 5
    stream.masks.publish(unreadable)
    stream.serve(3)
    stream.serve(4, mask=np.full((4 * HEIGHT, 4 * WIDTH), 255, np.uint8))
    stream.wait_for_status(passed__mask_unreadable=1, passed__mask_size=1)

    good.header = header(5)
    stream.masks.publish(image_message(header(5), BAND, 'mono8'))
    stream.images.publish(good)
    stream.wait_for_status(restored__warp=1)


def test_time_that_jumps_back(stream):
    for index in (10, 11):
        stream.serve(index, mask=NOTHING)
    out = stream.serve(0, mask=BAND)
    np.testing.assert_array_equal(image_view(out), view(0))
    for index in (1, 2):
        stream.serve(index, mask=NOTHING)
    stream.serve(3, mask=BAND)
    stream.wait_for_status(time_jumps=1, passed__no_reference=1, restored__warp=1)


def test_frames_to_be_dropped_on_failure(start, probe, wait_until, settings):
    start('restore_node', **settings, on_failure='drop')
    stream = Stream(probe, wait_until).connect()
    stream.send(0, mask=BAND)
    stream.wait_for_status(received=1, dropped__no_reference=1)
    assert stream.out == []


def test_two_cameras_in_one_process(start, probe, wait_until, settings):
    settings['cameras'] = '[front, left]'
    start('restore_node', **settings)
    front, left = (Stream(probe, wait_until, name).connect() for name in ('front', 'left'))
    for index in (0, 1):
        front.serve(index, mask=NOTHING)
        left.serve(index, view(index + 50), NOTHING)
    front.serve(2, mask=BAND)
    restored = image_view(left.serve(2, view(52), BAND))
    assert np.abs(restored.astype(int) - view(52))[BAND != 0].mean() < 20
    front.wait_for_status(received=3, restored__warp=1)
    left.wait_for_status(received=3, restored__warp=1)


def test_own_namespace(start, probe, wait_until):
    reliable = {'qos_overrides./car/rear/image_raw.subscription.reliability': 'reliable'}
    quick = {'diagnostics_period': 0.05, 'weights': 'none'}
    start('restore_node', '-r', '__ns:=/car/rear', **quick, **reliable)
    stream = Stream(probe, wait_until, 'car/rear', '/car/rear/restore').connect()
    stream.serve(0, mask=NOTHING)
    stream.wait_for_status(received=1)


def test_stream_that_stops_is_stale_and_one_that_never_came_waits(
    start, probe, wait_until, settings
):
    node = start('restore_node', **settings, stale_after=0.2)
    stream = Stream(probe, wait_until)
    stream.wait_for_status(state='waiting')
    stream.connect()
    stream.serve(0, mask=NOTHING)
    stream.wait_for_status(state='stale')
    wait_until(lambda: 'front: stale: /front/image_raw: no frame for' in node.text, 'the log line')
    frames = itertools.count(1)

    def recovered():  # on a busy machine a frame may be old again before the next diagnostics
        stream.serve(next(frames), mask=NOTHING)
        return 'front: ok' in node.text

    wait_until(recovered, 'the log line of the recovery')


def test_incompatible_qos_is_named(start, probe, wait_until, settings):
    start('restore_node', **settings)
    stream = Stream(probe, wait_until)
    probe.publisher(Image, 'front/image_raw', reliability=ReliabilityPolicy.BEST_EFFORT)
    probe.node.destroy_publisher(stream.images)
    stream.wait_for_status(state='incompatible_qos')


def test_two_thousand_frames_leave_no_memory_behind(stream, running):
    (node,) = running
    for index in range(300):
        stream.serve(index, view(index % 900), BAND if index % 3 == 2 else NOTHING)
    before = node.resident_bytes()
    for index in range(300, 2300):
        stream.serve(index, view(index % 900), BAND if index % 3 == 2 else NOTHING)
        del stream.out[:-1]
    assert node.resident_bytes() < 1.05 * before
    status = stream.wait_for_status(received=2300, dropped=0)
    assert int(status['restored']) > 700
    assert stamp_ns(stream.out[-1].header) == stamp_ns(header(2299))
