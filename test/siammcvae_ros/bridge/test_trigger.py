# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The detector rests while another monitor calls the camera sound, and never for want of a word."""

import itertools

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import numpy as np
import pytest
from support.stream import Stream, view

from siammcvae_core.detection.detector import Detector
from siammcvae_ros.bridge.trigger import Trigger
from siammcvae_ros.frame_path.inspection import DetectorMode, Inspection
from siammcvae_ros.frame_path.output_queue import Ticket

AUTOWARE = 'image_diagnostics_node: /sensing/camera/{}: Image_Diagnostics'


@pytest.mark.parametrize(
    ('camera', 'status', 'counts'),
    [
        ('camera1', AUTOWARE.format('camera1'), True),
        ('camera/camera1', AUTOWARE.format('camera1'), True),
        ('camera1', AUTOWARE.format('camera10'), False),
        ('era1', AUTOWARE.format('camera1'), False),
        ('camera', AUTOWARE.format('camera1'), False),
        ('front', 'monitor: front', True),
        ('front', 'front monitor', True),
        ('front', 'monitor: front_left', False),
        ('front.left', 'monitor: front_left', False),
    ],
)
def test_statuses_that_name_the_camera_count(camera, status, counts):
    trigger = Trigger(camera)
    trigger.hear(status, True, 10.0)
    assert trigger.rests(10.0) is counts


def test_rests_only_while_called_sound_and_nothing_else():
    trigger = Trigger('front')
    assert not trigger.rests(0.0)
    trigger.hear('front', True, 10.0)
    assert trigger.rests(12.9)
    assert not trigger.rests(13.0)
    trigger.hear('front', True, 20.0)
    trigger.hear('front', False, 20.1)
    trigger.hear('front', True, 22.0)
    assert not trigger.rests(23.0)
    assert trigger.rests(23.2)


def test_nothing_is_looked_at_in_a_rest_and_the_detector_starts_anew_after_it(monkeypatch):
    looked, begun = [], []
    inspect, reset = Detector.inspect, Detector.reset

    def spied(self, frame, stamp):
        looked.append(stamp)
        return inspect(self, frame, stamp)

    def spied_reset(self):
        begun.append(len(looked))
        reset(self)

    monkeypatch.setattr(Detector, 'inspect', spied)
    monkeypatch.setattr(Detector, 'reset', spied_reset)
    resting = False
    inspection = Inspection(DetectorMode.ONLY, lambda now: resting)

    def look(index):
        return inspection.look(Ticket(index, index * 10**8, 0.0, view(index), 'bgr8'))

    for index in range(6):
        resting = index in (2, 3)
        assert look(index) is None
        assert inspection.findings.rests is resting
    assert looked == pytest.approx([0.0, 0.1, 0.4, 0.5])
    assert begun == [0, 2]


def test_node_looks_when_the_monitor_asks(start, probe, wait_until, settings):
    start('restore_node', **settings, detector='only', detector_trigger='Image_Diagnostics')
    stream = Stream(probe, wait_until)
    monitor = probe.publisher(DiagnosticArray, '/diagnostics')
    wait_until(stream.images.get_subscription_count, 'the node')
    frames = itertools.count()

    def say(level, rests):
        def heard():
            status = DiagnosticStatus(name=AUTOWARE.format('front'), level=level)
            other = DiagnosticStatus(name='driver: front', level=DiagnosticStatus.WARN)
            monitor.publish(DiagnosticArray(status=[status, other]))
            stream.serve(next(frames))
            return stream.status().get('detector.rests') == str(rests)

        wait_until(heard, f'detector.rests: {rests}')

    black = np.zeros_like(view(0))
    say(DiagnosticStatus.OK, rests=True)
    stream.serve(next(frames), black)
    stream.account(detector__flagged=0, detector__rests=True)
    say(DiagnosticStatus.WARN, rests=False)
    stream.serve(next(frames), black)
    stream.account(detector__flagged=1, detector__rests=False)
