# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A short storm against the real node, and that the storm would notice what goes wrong."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from siammcvae_ros.bridge.images import image_message
from siammcvae_ros.tools.stress import shots
from siammcvae_ros.tools.stress.account import Account, OUTPUTS, Violations
from siammcvae_ros.tools.stress.steps import Send, Settle
from siammcvae_ros.tools.stress.weather import Weather

STAMP = 5_000_000_007


def storm(*arguments):
    command = [sys.executable, '-m', 'siammcvae_ros.tools.stress', *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_the_node_outlives_a_storm():
    done = storm('--messages', '3000', '--seed', '0', '--hang-limit', '20', '--growth-limit', 'inf')
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
    done = storm(*arguments)
    assert done.returncode == 2
    assert 'Traceback' not in done.stderr


def digest(seed, messages=3000):
    total, sent = hashlib.sha256(), 0
    for step in Weather(seed, messages):
        if isinstance(step, Send):
            sent += 1
            message = step.shot.message
            if isinstance(message, Image):
                total.update(bytes(message.data))
                message = (message.height, message.width, message.encoding, message.step)
            elif isinstance(message, CameraInfo):
                message = (message.height, message.width, message.k, message.d)
            about = (step.camera, step.topic, step.stamp, step.frame_id, step.paced)
            total.update(f'{about} {message}'.encode())
        else:
            total.update(repr(step).encode())
    assert sent == messages
    return total.hexdigest()


def test_the_same_seed_is_the_same_storm():
    first = digest(7)
    for made in (shots.frame, shots.mask, shots.info, shots.garbled, shots.hostile_frames):
        made.cache_clear()
    assert digest(7) == first
    assert digest(8) != first


def test_a_calm_storm_is_valid_frames_each_after_its_mask():
    steps = [step for step in Weather(3, 4000, calm=True) if not isinstance(step, Settle)]
    assert {type(step) for step in steps} == {Send}
    for mask, frame in zip(steps[::2], steps[1::2], strict=True):
        assert (mask.topic, frame.topic) == ('fault_mask', 'image_raw')
        assert (mask.camera, mask.stamp) == (frame.camera, frame.stamp)
        assert frame.shot.fate is shots.Fate.READABLE
    lost = [step.shot for step in steps[::2] if 'none' not in step.shot.name]
    assert 0.3 < len(lost) / len(steps[::2]) < 0.7


class Books:
    """An account of one frame sent, and what the node might make of it."""

    def __init__(self, shot):
        self.violations = Violations()
        self.account = Account('front', self.violations)
        self.account.send(Send('front', 'image_raw', shot, STAMP, 1, '1 ', True))
        self.sent = shot.message

    def hear(self, pixels=None, lost=None, error=None, stamp=STAMP, frame_id='1 '):
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
            self.account.hear(topic, message)

    def diagnose(self, **numbers):
        names = ('received', 'restored', 'passed', 'dropped', 'in_flight')
        values = {**dict.fromkeys(names, '0'), **{k: str(n) for k, n in numbers.items()}}
        self.account.diagnose({name.replace('__', '.'): n for name, n in values.items()})

    @property
    def found(self):
        return set(self.violations.counts)


@pytest.fixture
def books():
    return Books(shots.frame(shots.USUAL, 'bgr8', 0))


@pytest.fixture
def band():
    lost = np.zeros(shots.USUAL, np.uint8)
    lost[10:20] = 255
    return lost


@pytest.fixture
def restored(books, band):
    """Pixels of which the lost ones were made up."""
    pixels = np.frombuffer(books.sent.data, np.uint8).reshape(*shots.USUAL, 3).copy()
    pixels[band != 0] ^= 1
    return pixels


def test_what_is_right_is_no_violation(books, band, restored):
    books.hear(restored, band)
    books.diagnose(received=1, restored=1, restored__warp=1)
    assert books.account.checked == 1
    assert books.account.close()['heard'] == 1
    assert not books.found


def test_a_kept_pixel_that_changes_is_noticed(books, band, restored):
    restored[30, 7, 1] ^= 1
    books.hear(restored, band)
    assert books.found == {'kept pixels changed'}


def test_a_passed_frame_that_changes_is_noticed(books, restored):
    books.hear(restored)
    assert books.found == {'passed frame changed'}


def test_an_uncertainty_of_kept_pixels_is_noticed(books, band, restored):
    books.hear(restored, band, np.ones(shots.USUAL, np.float32))
    assert books.found == {'uncertainty'}


@pytest.mark.parametrize(
    ('header', 'kind'),
    [
        ({'stamp': STAMP + 1}, 'header changed'),
        ({'frame_id': '1'}, 'header changed'),
        ({'frame_id': '2 '}, 'never sent'),
        ({'frame_id': 'camera'}, 'never sent'),
    ],
)
def test_a_header_that_was_not_sent_is_noticed(books, header, kind):
    books.hear(**header)
    assert books.found == {kind}


def test_a_frame_that_comes_twice_is_noticed(books):
    books.hear()
    books.hear()
    assert books.found == {'twice or out of order'}


def test_a_broken_frame_that_comes_out_is_noticed():
    frame = shots.frame(shots.USUAL, 'mono8', 0).message
    books = Books(shots.Shot('broken', frame, shots.Fate.BROKEN))
    books.hear()
    assert books.found == {'broken frame came out'}


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
def test_diagnostics_that_do_not_add_up_are_noticed(books, numbers, kinds):
    books.diagnose(**numbers)
    assert books.found == kinds


def test_what_stays_in_flight_or_leaves_uncounted_is_noticed(books):
    books.hear()
    books.diagnose(received=1, in_flight=1)
    books.account.close()
    assert books.found == {'frames still in flight', 'came out uncounted'}


def test_a_node_that_configures_anew_counts_on(books):
    books.diagnose(received=1, passed=1, passed__intact=1)
    books.account.restart()
    books.account.restart()
    books.account.send(Send('front', 'image_raw', shots.padded_frame(), STAMP, 2, '2', True))
    books.diagnose(received=1, dropped=1, dropped__deactivated=1)
    totals = books.account.totals
    assert (totals.received, totals.passed, totals.dropped) == (2, 1, 1)
    assert not books.found
