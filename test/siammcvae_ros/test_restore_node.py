# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The restore node as a process of its own, over real DDS."""

import time

import cv2
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
import numpy as np
import pytest
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterType
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
import yaml

from siammcvae_ros.messages import image_message, image_view, stamp_ns

MS = 1_000_000
HEIGHT, WIDTH = 48, 64
NOISE = np.random.default_rng(0).integers(0, 256, (HEIGHT, 2000, 4), np.uint8)
SCENE = cv2.normalize(cv2.GaussianBlur(NOISE, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
BAND = np.zeros((HEIGHT, WIDTH), np.uint8)
BAND[16:32] = 255
NOTHING = np.zeros((HEIGHT, WIDTH), np.uint8)


def view(index, channels=3):
    """Give a frame of a scene that moves by two pixels per frame."""
    pixels = SCENE[:, 2 * index : 2 * index + WIDTH, :channels]
    return np.ascontiguousarray(pixels[..., 0] if channels == 1 else pixels)


PATIENCE = 30.0  # seconds


def header(index, frame_id='front_optical'):
    made = Header(frame_id=frame_id)
    made.stamp.sec, made.stamp.nanosec = divmod(1_700_000_000_000 * MS + index * 100 * MS, 10**9)
    return made


class Stream:
    """A camera of the test and an ear on what the node makes of it."""

    def __init__(self, probe, wait_until, camera='front'):
        self.probe = probe
        self.wait_until = wait_until
        self.camera = camera
        self.images = probe.publisher(Image, f'{camera}/image_raw')
        self.masks = probe.publisher(Image, f'{camera}/fault_mask')
        self.infos = probe.publisher(CameraInfo, f'{camera}/camera_info')
        self.out = probe.listen(Image, f'{camera}/restored/image_raw')
        self.info = probe.listen(CameraInfo, f'{camera}/restored/camera_info')
        self.made_up = probe.listen(Image, f'{camera}/restored/mask')
        self.diagnostics = probe.listen(DiagnosticArray, '/diagnostics')

    def connect(self, patience=PATIENCE):
        """Wait until the node hears every topic and is heard."""
        self.wait_until(
            lambda: (
                all(p.get_subscription_count() for p in (self.images, self.masks, self.infos))
                and self.probe.node.count_publishers(f'{self.camera}/restored/image_raw')
            ),
            'the node to connect',
            patience,
        )
        time.sleep(1.0)  # both ends of a match: DDS tells only ours
        return self

    def send(self, index, pixels=None, mask=None, encoding='bgr8'):
        if mask is not None:
            self.masks.publish(image_message(header(index), mask, 'mono8'))
        pixels = view(index) if pixels is None else pixels
        self.images.publish(image_message(header(index), pixels, encoding))

    def serve(self, index, pixels=None, mask=None, encoding='bgr8'):
        """Send a frame and give what comes out for it."""
        before = len(self.out)
        self.send(index, pixels, mask, encoding)
        self.wait_until(lambda: len(self.out) > before, f'frame {index}')
        return self.out[-1]

    def status(self):
        """Give the newest diagnostics of the camera as a dict."""
        for array in reversed(self.diagnostics):
            for status in array.status:
                if status.hardware_id == self.camera:
                    return {pair.key: pair.value for pair in status.values}
        return {}

    def account(self, **expected):
        """Wait until the diagnostics say this, and check that nothing is unaccounted for."""
        wanted = {key.replace('__', '.'): str(value) for key, value in expected.items()}
        self.wait_until(
            lambda: wanted.items() <= self.status().items(), lambda: f'{wanted} in {self.status()}'
        )
        status = self.status()
        parts = ('restored', 'passed', 'dropped', 'in_flight')
        assert int(status['received']) == sum(int(status[part]) for part in parts)
        return status


@pytest.fixture
def settings():
    return {
        'cameras': '[front]',
        'weights': 'none',  # motion is enough here, and starts at once
        'mask_wait': 5.0,
        'max_hold': 1.0,
        'diagnostics_period': 0.05,
        'qos_overrides./front/image_raw.subscription.reliability': 'reliable',
        'qos_overrides./front/fault_mask.subscription.reliability': 'reliable',
        'qos_overrides./left/fault_mask.subscription.reliability': 'reliable',
        'qos_overrides./left/image_raw.subscription.reliability': 'reliable',
        'qos_overrides./front/image_raw.subscription.depth': 50,
    }


@pytest.fixture
def stream(start, probe, wait_until, settings):
    start('restore_node', **settings)
    return Stream(probe, wait_until).connect()


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
    stream.wait_until(lambda: len(stream.made_up) == 4, 'the masks of what was made up')
    np.testing.assert_array_equal(image_view(stream.made_up[3]), BAND)
    assert not image_view(stream.made_up[2]).any()
    stream.account(received=4, restored__warp=1, passed__intact=3, dropped=0)


def test_the_model_of_the_package_serves(start, probe, wait_until, settings):
    pytest.importorskip('torch', reason='PyTorch is not installed')
    start('restore_node', **{**settings, 'weights': 'drive'})
    # The first start tries the libraries for CPUs that are installed.
    stream = Stream(probe, wait_until).connect(4 * PATIENCE)
    for index in range(3):
        stream.serve(index, mask=NOTHING)
    damaged = view(3)
    damaged[BAND != 0] = 0
    restored = image_view(stream.serve(3, damaged, BAND))
    np.testing.assert_array_equal(restored[BAND == 0], view(3)[BAND == 0])
    stream.account(received=4, restored__model=1, passed__intact=3, dropped=0)


def test_camera_info_goes_with_each_frame_under_its_header(stream):
    for index in range(100):
        stream.infos.publish(CameraInfo(header=header(0), width=WIDTH, height=HEIGHT, k=[7.0] * 9))
        stream.serve(index, mask=NOTHING)
        if stream.info:
            break
    seen = len(stream.info)
    for index in (200, 201):
        stream.serve(index, mask=BAND if index == 201 else NOTHING)
    stream.wait_until(lambda: len(stream.info) == seen + 2, 'camera_info beside each frame')
    assert [info.header for info in stream.info[-2:]] == [header(200), header(201)]
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
        np.testing.assert_array_equal(
            image_view(stream.out[-1])[mask == 0], pixels[mask == 0]
        )
    stream.account(restored__warp=1)


def test_mask_after_never_twice_and_of_another_size(stream):
    for index in (0, 1):
        stream.serve(index, mask=NOTHING)

    before = len(stream.out)
    stream.send(2)
    stream.masks.publish(image_message(header(2), BAND, 'mono8'))
    stream.wait_until(lambda: len(stream.out) > before, 'the frame whose mask came after')
    stream.account(restored__warp=1)

    for mask in (NOTHING, BAND):
        stream.masks.publish(image_message(header(3), mask, 'mono8'))
    stream.account(masks__received=5, masks__duplicate=1)
    stream.serve(3)
    stream.account(restored__warp=2)

    stream.serve(4, mask=np.full((HEIGHT + 1, WIDTH), 255, np.uint8))
    stream.account(passed__mask_size=1)

    stream.send(5)
    stream.serve(6, mask=NOTHING)
    stream.wait_until(lambda: len(stream.out) == 7, 'the frame whose mask never came')
    stream.masks.publish(image_message(header(5), BAND, 'mono8'))
    stream.account(passed__intact=4, masks__late=1)
    assert [out.header for out in stream.out] == [header(index) for index in range(7)]


def test_latched_mask(start, probe, wait_until, settings):
    start('restore_node', **settings, mask_mode='latched')
    stream = Stream(probe, wait_until).connect()
    for index in (0, 1):
        stream.serve(index)
    stream.masks.publish(image_message(header(0), BAND, 'mono8'))
    stream.account(masks__received=1)
    for index in (2, 3):
        stream.serve(index)
    stream.account(restored__warp=2, passed__intact=2)


def test_masks_off(start, probe, wait_until, settings):
    start('restore_node', **settings, mask_mode='off')
    stream = Stream(probe, wait_until)
    stream.wait_until(stream.images.get_subscription_count, 'the node')
    time.sleep(1.0)
    stream.serve(0, mask=BAND)
    stream.account(passed__intact=1, masks__received=0)
    assert stream.masks.get_subscription_count() == 0


def test_uncertainty_is_zero_where_intact(stream, probe):
    uncertainty = probe.listen(Image, 'front/restored/uncertainty')
    time.sleep(1.0)
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

    unknown = broken(encoding='bayer_rggb8')
    for msg in (
        unknown,
        broken(step=5),
        broken(height=HEIGHT + 1),
        broken(width=0),
        broken(height=2**32 - 1, width=2**32 - 1, step=2**32 - 1),
    ):
        stream.images.publish(msg)
    stream.account(received=7, dropped__malformed_image=3, dropped__empty_image=1)
    stream.account(passed__unsupported_encoding=1)
    assert stream.out[-1] == unknown

    nan = np.full((HEIGHT, WIDTH), np.nan, np.float32)
    stream.masks.publish(image_message(header(3), nan, '32FC1'))
    stream.serve(3)
    stream.serve(4, mask=np.full((4 * HEIGHT, 4 * WIDTH), 255, np.uint8))
    stream.account(passed__mask_unreadable=1, passed__mask_size=1)

    good.header = header(5)
    stream.masks.publish(image_message(header(5), BAND, 'mono8'))
    stream.images.publish(good)
    stream.account(restored__warp=1)


def test_time_that_jumps_back(stream):
    for index in (10, 11):
        stream.serve(index, mask=NOTHING)
    out = stream.serve(0, mask=BAND)
    np.testing.assert_array_equal(image_view(out), view(0))
    for index in (1, 2):
        stream.serve(index, mask=NOTHING)
    stream.serve(3, mask=BAND)
    stream.account(time_jumps=1, passed__no_reference=1, restored__warp=1)


def test_frames_to_be_dropped_on_failure(start, probe, wait_until, settings):
    start('restore_node', **settings, on_failure='drop')
    stream = Stream(probe, wait_until).connect()
    stream.send(0, mask=BAND)
    stream.account(received=1, dropped__no_reference=1)
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
    front.account(received=3, restored__warp=1)
    left.account(received=3, restored__warp=1)


def test_own_namespace(start, probe, wait_until):
    reliable = {'qos_overrides./car/rear/image_raw.subscription.reliability': 'reliable'}
    quick = {'diagnostics_period': 0.05, 'weights': 'none'}
    start('restore_node', '-r', '__ns:=/car/rear', **quick, **reliable)
    stream = Stream(probe, wait_until, 'car/rear').connect()
    stream.serve(0, mask=NOTHING)
    stream.account(received=1)


def test_stream_that_stops_is_stale_and_one_that_never_came_waits(
    start, probe, wait_until, settings
):
    node = start('restore_node', **settings, stale_after=0.2)
    stream = Stream(probe, wait_until)
    stream.account(state='waiting')
    stream.connect()
    stream.serve(0, mask=NOTHING)
    stream.account(state='stale')
    wait_until(lambda: 'front: stale: /front/image_raw: no frame for' in node.text, 'the log line')
    stream.serve(1, mask=NOTHING)
    wait_until(lambda: 'front: ok' in node.text or node.text.count('front: stale') > 1, 'the end')


def test_incompatible_qos_is_named(start, probe, wait_until, settings):
    start('restore_node', **settings)
    stream = Stream(probe, wait_until)
    probe.publisher(Image, 'front/image_raw', reliability=ReliabilityPolicy.BEST_EFFORT)
    probe.node.destroy_publisher(stream.images)
    stream.account(state='incompatible_qos')


@pytest.fixture
def lifecycle(probe):
    def change(transition, name='/restore'):
        request = ChangeState.Request(transition=Transition(id=transition))
        return probe.call(ChangeState, f'{name}/change_state', request).success

    def state(name='/restore'):
        return probe.call(GetState, f'{name}/get_state', GetState.Request()).current_state.id

    change.state = state
    return change


def test_lifecycle(start, probe, wait_until, settings, lifecycle):
    start('restore_node', **settings, autostart='false')
    assert lifecycle.state() == State.PRIMARY_STATE_UNCONFIGURED
    assert lifecycle(Transition.TRANSITION_CONFIGURE)
    stream = Stream(probe, wait_until).connect()
    stream.send(0)
    assert lifecycle(Transition.TRANSITION_ACTIVATE)
    stream.serve(1, mask=NOTHING)
    stream.account(received=1)
    assert lifecycle(Transition.TRANSITION_DEACTIVATE)
    assert lifecycle.state() == State.PRIMARY_STATE_INACTIVE
    stream.send(2)
    assert lifecycle(Transition.TRANSITION_ACTIVATE)
    stream.serve(3, mask=NOTHING)
    stream.account(received=2)
    assert lifecycle(Transition.TRANSITION_DEACTIVATE)
    assert lifecycle(Transition.TRANSITION_CLEANUP)
    wait_until(lambda: not stream.images.get_subscription_count(), 'the topics to be given back')
    assert not lifecycle(Transition.TRANSITION_ACTIVATE)
    assert lifecycle(Transition.TRANSITION_CONFIGURE)
    assert lifecycle(Transition.TRANSITION_ACTIVATE)
    stream.connect()
    stream.serve(4, mask=NOTHING)
    assert lifecycle(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert lifecycle.state() == State.PRIMARY_STATE_FINALIZED


def test_bad_weights_path_fails_to_configure_and_the_node_lives(
    start, probe, wait_until, settings, lifecycle
):
    node = start('restore_node', **{**settings, 'weights': '/no/such/drive.safetensors'})
    stream = Stream(probe, wait_until)
    wait_until(lambda: '/no/such/drive.safetensors' in node.text, 'the path in the log')
    assert lifecycle.state() == State.PRIMARY_STATE_UNCONFIGURED
    stream.wait_until(
        lambda: any(
            '/no/such/drive.safetensors' in status.message
            for array in stream.diagnostics
            for status in array.status
        ),
        'the path in the diagnostics',
    )
    assert not lifecycle(Transition.TRANSITION_CONFIGURE)
    fixed = Parameter('weights', value='').to_parameter_msg()
    request = SetParameters.Request(parameters=[fixed])
    assert probe.call(SetParameters, '/restore/set_parameters', request).results[0].successful
    assert lifecycle(Transition.TRANSITION_CONFIGURE)
    assert lifecycle(Transition.TRANSITION_ACTIVATE)
    stream.connect()
    stream.serve(0, mask=NOTHING)
    assert node.alive


def own_parameters(probe):
    names = probe.call(ListParameters, '/restore/list_parameters', ListParameters.Request())
    names = sorted(n for n in names.result.names if not n.startswith(('start_type', 'use_sim')))
    values = probe.call(
        GetParameters, '/restore/get_parameters', GetParameters.Request(names=names)
    ).values
    messages = (ParameterMsg(name=n, value=v) for n, v in zip(names, values, strict=True))
    return {msg.name: Parameter.from_parameter_msg(msg).value for msg in messages}


def test_parameters_dumped_and_loaded_are_unchanged(start, probe, settings, tmp_path, lifecycle):
    first = start('restore_node', **settings, mask_slop=0.004, missing_mask='unknown')
    dumped = own_parameters(probe)
    assert dumped['mask_slop'] == 0.004
    first.end()
    file = tmp_path / 'dump.yaml'
    file.write_text(yaml.safe_dump({'/restore': {'ros__parameters': dumped}}))
    start('restore_node', '--params-file', str(file))
    assert own_parameters(probe) == dumped


def test_parameters_are_described_and_checked(start, probe, settings, lifecycle):
    start('restore_node', **settings)
    names = ['mask_wait', 'on_failure', 'weights', 'cameras', 'max_reference_age']
    described = probe.call(
        DescribeParameters,
        '/restore/describe_parameters',
        DescribeParameters.Request(names=names),
    ).descriptors
    assert all(d.description for d in described)
    assert described[0].floating_point_range[0].to_value == 10.0
    assert described[3].type == ParameterType.PARAMETER_STRING_ARRAY

    def refused(name, value):
        message = Parameter(name, value=value).to_parameter_msg()
        request = SetParameters.Request(parameters=[message])
        result = probe.call(SetParameters, '/restore/set_parameters', request).results[0]
        return '' if result.successful else result.reason

    lifecycle.state()
    assert 'passthrough, drop' in refused('on_failure', 'explode')
    assert 'unconfigured' in refused('weights', 'other.safetensors')
    assert refused('mask_wait', -1.0)
    assert refused('mask_wait', 'soon')
    assert refused('autostart', False)
    assert refused('mask_wait', 0.5) == ''


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('on_failure', 'explode'),
        ('mask_wait', '-3.0'),
        ('mask_wait', 'soon'),
        ('cameras', '[front, front]'),
        ('cameras', "['front camera']"),
    ],
)
def test_bad_parameter_at_start_is_one_line_and_status_2(start, settings, name, value):
    node = start('restore_node', **{**settings, name: value})
    assert node.finish() == 2
    assert name in node.text
    assert len(node.text.strip().splitlines()) == 1


def test_two_thousand_frames_leave_no_memory_behind(stream, probe, start):
    node = start.running[0]
    for index in range(300):
        stream.serve(index, view(index % 900), BAND if index % 3 == 2 else NOTHING)
    before = node.resident_bytes()
    for index in range(300, 2300):
        stream.serve(index, view(index % 900), BAND if index % 3 == 2 else NOTHING)
        del stream.out[:-1]
    assert node.resident_bytes() < 1.05 * before
    status = stream.account(received=2300, dropped=0)
    assert int(status['restored']) > 700
    assert stamp_ns(stream.out[-1].header) == stamp_ns(header(2299))
