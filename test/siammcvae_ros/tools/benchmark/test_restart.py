# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Camera, mask publisher and node are killed in any order: the stream comes back by itself."""

import pytest
from sensor_msgs.msg import Image

from siammcvae_ros.bridge.images import stamp_ns
from siammcvae_ros.tools.benchmark.participants import classify_output

PATIENT = {'mask_wait': 1.0, 'max_hold': 1.0, 'max_reference_age': 10.0}  # on a busy machine
PARAMETERS = {
    'camera': {'role': 'camera'},
    'masks': {'role': 'masks'},
    'node': {'weights': 'none', **PATIENT},
}
ENOUGH = 6  # frames, every other one restored
OUT = 'restored/image_raw'


class Car:
    """The three processes, and a subscription to the output; nobody calls a service."""

    def __init__(self, start, probe, wait_until):
        self._start = start
        self._wait_until = wait_until
        self._processes = {}
        self.output = probe.listen(Image, OUT)

    def start(self, *roles, **parameters):
        for role in roles:
            name = 'restore_node' if role == 'node' else 'tools.benchmark.participants'
            self._processes[role] = self._start(name, **PARAMETERS[role], **parameters)

    def kill(self, *roles):
        for role in roles:
            self._processes[role].kill()

    def wait_for_stream(self):
        """Wait until enough frames have left in succession, the damaged ones restored."""
        since = len(self.output)

        def outcomes():
            return [classify_output(msg) for msg in self.output[since:]]

        def is_restored():
            newest = outcomes()[-ENOUGH:]
            return len(newest) == ENOUGH and set(newest) == {'intact', 'restored'}

        self._wait_until(is_restored, lambda: f'restored frames, not {outcomes()}')
        assert 'wrong' not in outcomes()


@pytest.mark.parametrize(
    'orders',
    [
        ('camera', 'masks', 'node'),
        ('camera node', 'node masks', 'masks camera'),
        ('node camera masks', 'masks camera node'),
    ],
    ids=['one', 'two', 'three'],
)
def test_the_stream_comes_back_by_itself(start, probe, wait_until, orders):
    car = Car(start, probe, wait_until)
    car.start('node', 'camera', 'masks')
    car.wait_for_stream()
    for order in orders:
        killed = order.split()
        car.kill(*killed)
        car.start(*killed)
        car.wait_for_stream()


def test_the_stream_comes_back_when_the_clock_of_the_camera_goes_back(start, probe, wait_until):
    car = Car(start, probe, wait_until)
    car.start('node', 'masks')
    car.start('camera', clock_start=900 * 10**9)
    car.wait_for_stream()
    car.kill('camera')
    car.start('camera', clock_start=100 * 10**9)
    car.wait_for_stream()
    assert stamp_ns(car.output[-1].header) < 900 * 10**9
