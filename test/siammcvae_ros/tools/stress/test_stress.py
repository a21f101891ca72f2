# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A short stress test of the real node, and that every check of it can fail."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from siammcvae_ros.bridge.images import image_message
from siammcvae_ros.tools.stress import messages
from siammcvae_ros.tools.stress.actions import SendMessage, WaitForIdle
from siammcvae_ros.tools.stress.checks import CameraChecker, OUTPUTS, Violations
from siammcvae_ros.tools.stress.schedule import StressSchedule

STAMP = 5_000_000_007


def stress(*arguments):
    command = [sys.executable, '-m', 'siammcvae_ros.tools.stress', *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)


def test_node_survives_and_every_check_holds():
    done = stress(
        '--messages', '3000', '--seed', '0', '--hang-limit', '100', '--growth-limit', 'inf'
    )
    assert done.stdout, done.stderr
    row = json.loads(done.stdout)
    assert not row['violations'], json.dumps(row['violations'], indent=2)
    assert done.returncode == 0
    assert row['clean_stream_served'] == 40
    for camera in row['cameras'].values():
        settled = camera['restored'] + camera['passed'] + camera['dropped']
        assert camera['received'] == settled > 0
        assert camera['restored'] > 0
        assert camera['checked'] > 0


@pytest.mark.parametrize('arguments', [('--messages', '0'), ('--hz', '-1'), ('--seed', 'x')])
def test_bad_arguments_are_refused_without_a_traceback(arguments):
    done = stress(*arguments)
    assert done.returncode == 2
    assert 'Traceback' not in done.stderr


def digest(seed, count=3000):
    total, sent = hashlib.sha256(), 0
    for action in StressSchedule(seed, count):
        if isinstance(action, SendMessage):
            sent += 1
            message = action.template.message
            if isinstance(message, Image):
                total.update(bytes(message.data))
                message = (message.height, message.width, message.encoding, message.step)
            elif isinstance(message, CameraInfo):
                message = (message.height, message.width, message.k, message.d)
            about = (action.camera, action.topic, action.stamp, action.frame_id, action.paced)
            total.update(f'{about} {message}'.encode())
        else:
            total.update(repr(action).encode())
    assert sent == count
    return total.hexdigest()


def test_same_seed_is_the_same_schedule():
    first = digest(7)
    for build in (
        messages.frame,
        messages.mask,
        messages.info,
        messages.garbled_messages,
        messages.invalid_frames,
    ):
        build.cache_clear()
    assert digest(7) == first
    assert digest(8) != first


def test_soak_test_is_valid_frames_each_after_its_mask():
    actions = [a for a in StressSchedule(3, 4000, calm=True) if not isinstance(a, WaitForIdle)]
    assert {type(action) for action in actions} == {SendMessage}
    for mask, frame in zip(actions[::2], actions[1::2], strict=True):
        assert (mask.topic, frame.topic) == ('fault_mask', 'image_raw')
        assert (mask.camera, mask.stamp) == (frame.camera, frame.stamp)
        assert frame.template.expectation is messages.Expectation.RESTORE_OR_PASS
    lost = [action.template for action in actions[::2] if 'none' not in action.template.name]
    assert 0.3 < len(lost) / len(actions[::2]) < 0.7


class OneFrame:
    """A checker that expects one frame, and outputs that a node might publish for it."""

    def __init__(self, template):
        self.violations = Violations()
        self.checker = CameraChecker('front', self.violations)
        self.checker.expect(SendMessage('front', 'image_raw', template, STAMP, 1, '1 ', True))
        self.sent = template.message

    def publish(self, pixels=None, lost=None, error=None, stamp=STAMP, frame_id='1 '):
        pixels = np.frombuffer(self.sent.data, np.uint8) if pixels is None else pixels
        shape = (self.sent.height, self.sent.width)
        lost = np.zeros(shape, np.uint8) if lost is None else lost
        error = lost.astype(np.float32) if error is None else error
        header = Header(frame_id=frame_id)
        header.stamp.sec, header.stamp.nanosec = divmod(stamp, 10**9)
        image = image_message(header, pixels.reshape(*shape, -1), self.sent.encoding)
        outputs = (image, image_message(header, lost, 'mono8'))
        for topic, message in zip(
            OUTPUTS, (*outputs, image_message(header, error, '32FC1')), strict=True
        ):
            self.checker.check_output(topic, message)

    def diagnose(self, **numbers):
        names = ('received', 'restored', 'passed', 'dropped', 'in_flight')
        values = {'state': 'degraded', **dict.fromkeys(names, '0')}
        values.update((k, str(n)) for k, n in numbers.items())
        self.checker.check_diagnostics({name.replace('__', '.'): n for name, n in values.items()})

    @property
    def violated(self):
        return set(self.violations.counts)


@pytest.fixture
def one():
    return OneFrame(messages.frame(messages.USUAL_SIZE, 'bgr8', 0))


@pytest.fixture
def band():
    lost = np.zeros(messages.USUAL_SIZE, np.uint8)
    lost[10:20] = 255
    return lost


@pytest.fixture
def restored(one, band):
    """Pixels that differ from those sent where lost."""
    pixels = np.frombuffer(one.sent.data, np.uint8).reshape(*messages.USUAL_SIZE, 3).copy()
    pixels[band != 0] ^= 1
    return pixels


def test_correct_output_is_no_violation(one, band, restored):
    one.publish(restored, band)
    one.diagnose(received=1, restored=1, restored__warp=1)
    assert one.checker.checked == 1
    assert one.checker.close()['heard'] == 1
    assert not one.violated


def test_an_intact_pixel_that_changes_is_noticed(one, band, restored):
    restored[30, 7, 1] ^= 1
    one.publish(restored, band)
    assert one.violated == {'intact pixels changed'}


def test_a_passed_frame_that_changes_is_noticed(one, restored):
    one.publish(restored)
    assert one.violated == {'passed frame changed'}


def test_uncertainty_of_intact_pixels_is_noticed(one, band, restored):
    one.publish(restored, band, np.ones(messages.USUAL_SIZE, np.float32))
    assert one.violated == {'uncertainty'}


@pytest.mark.parametrize(
    ('header', 'kind'),
    [
        ({'stamp': STAMP + 1}, 'header changed'),
        ({'frame_id': '1'}, 'header changed'),
        ({'frame_id': '2 '}, 'never sent'),
        ({'frame_id': 'camera'}, 'never sent'),
    ],
)
def test_header_that_was_not_sent_is_noticed(one, header, kind):
    one.publish(**header)
    assert one.violated == {kind}


def test_frame_published_twice_is_noticed(one):
    one.publish()
    one.publish()
    assert one.violated == {'twice or out of order'}


def test_published_invalid_frame_is_noticed():
    frame = messages.frame(messages.USUAL_SIZE, 'mono8', 0).message
    one = OneFrame(messages.MessageTemplate('broken', frame, messages.Expectation.REJECT))
    one.publish()
    assert one.violated == {'broken frame came out'}


@pytest.mark.parametrize(
    ('numbers', 'kinds'),
    [
        ({'received': 1}, {'account does not balance'}),
        ({'received': 1, 'passed': 1}, {'reasons do not add up'}),
        (
            {'received': 0, 'passed': 1, 'passed__intact': 1, 'in_flight': -1},
            {'frames settled twice'},
        ),
        ({'received': 2, 'dropped': 2, 'dropped__overtaken': 2}, {'more received than sent'}),
    ],
)
def test_diagnostics_that_do_not_add_up_are_noticed(one, numbers, kinds):
    one.diagnose(**numbers)
    assert one.violated == kinds


@pytest.mark.parametrize('trouble', ['passed__late_mask', 'passed__superseded', 'stamps__unset'])
def test_trouble_that_does_not_reach_the_state_is_noticed(one, trouble):
    one.diagnose(state='ok')
    passed = int(trouble.startswith('passed'))
    one.diagnose(received=passed, passed=passed, **{trouble: 1}, state='degraded')
    assert not one.violated
    one.diagnose(received=passed, passed=passed, **{trouble: 1}, stamps__repeated=1, state='ok')
    assert one.violated == {'trouble in state ok'}


def test_only_intact_frames_found_damaged_later_may_be_fewer(one):
    one.diagnose(received=1, passed=1, passed__intact=1)
    one.diagnose(received=1, passed=1, passed__intact=0, passed__late_mask=1)
    assert not one.violated
    one.diagnose(received=1, passed=1, passed__late_mask=0, passed__no_reference=1)
    assert one.violated == {'a count fell'}


def test_frames_in_flight_at_the_end_or_uncounted_are_noticed(one):
    one.publish()
    one.diagnose(received=1, in_flight=1)
    one.checker.close()
    assert one.violated == {'frames still in flight', 'came out uncounted'}


def test_counters_add_up_over_restarts_of_a_camera(one):
    one.diagnose(received=1, passed=1, passed__intact=1)
    one.checker.restart()
    one.checker.restart()
    one.checker.expect(
        SendMessage('front', 'image_raw', messages.padded_frame(), STAMP, 2, '2', True)
    )
    one.diagnose(received=1, dropped=1, dropped__deactivated=1)
    totals = one.checker.totals
    assert (totals.received, totals.passed, totals.dropped) == (2, 1, 1)
    assert not one.violated
