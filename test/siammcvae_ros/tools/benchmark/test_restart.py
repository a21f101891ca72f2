# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Camera, mask publisher and node are killed in any order: the stream comes back by itself."""

import pytest
from sensor_msgs.msg import Image

from siammcvae_ros.bridge.images import stamp_ns
from siammcvae_ros.tools.benchmark.participants import judge

PATIENT = {'mask_wait': 1.0, 'max_hold': 1.0, 'max_reference_age': 10.0}  # on a busy machine
PARAMETERS = {
    'camera': {'role': 'camera'},
    'masks': {'role': 'masks'},
    'node': {'weights': 'none', **PATIENT},
}
ENOUGH = 6  # frames, every other one restored
OUT = 'restored/image_raw'


class Car:
    """The three processes, and an ear on what comes out; nobody calls a service."""

    def __init__(self, start, probe, wait_until):
        self._start = start
        self._wait_until = wait_until
        self._processes = {}
        self.out = probe.listen(Image, OUT)

    def start(self, *roles, **parameters):
        for role in roles:
            name = 'restore_node' if role == 'node' else 'benchmark_peers'
            self._processes[role] = self._start(name, **PARAMETERS[role], **parameters)

    def kill(self, *roles):
        for role in roles:
            self._processes[role].process.kill()
            self._processes[role].process.wait()

    def expect_stream(self):
        """Wait until enough frames have left in succession, the damaged ones restored."""
        since = len(self.out)

        def verdicts():
            return [judge(msg) for msg in self.out[since:]]

        def flows():
            newest = verdicts()[-ENOUGH:]
            return len(newest) == ENOUGH and set(newest) == {'intact', 'restored'}

        self._wait_until(flows, lambda: f'restored frames, not {verdicts()}')
        assert 'wrong' not in verdicts()


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
    car.expect_stream()
    for order in orders:
        killed = order.split()
        car.kill(*killed)
        car.start(*killed)
        car.expect_stream()


def test_the_stream_comes_back_when_the_clock_of_the_camera_goes_back(start, probe, wait_until):
    car = Car(start, probe, wait_until)
    car.start('node', 'masks')
    car.start('camera', clock_start=900 * 10**9)
    car.expect_stream()
    car.kill('camera')
    car.start('camera', clock_start=100 * 10**9)
    car.expect_stream()
    assert stamp_ns(car.out[-1].header) < 900 * 10**9
