# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The detector is paused while another monitor reports the camera OK, and not without a report."""

import itertools

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import numpy as np
import pytest
from support.stream import Stream, view

from siammcvae_core.detection.detector import Detector
from siammcvae_ros.bridge.trigger import Trigger
from siammcvae_ros.frame_path.inspection import DetectorMode, Inspection
from siammcvae_ros.frame_path.output_queue import CameraFrame

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
    trigger.update(status, True, 10.0)
    assert trigger.is_ok(10.0) is counts


def test_ok_only_while_reported_ok_and_nothing_else():
    trigger = Trigger('front')
    assert not trigger.is_ok(0.0)
    trigger.update('front', True, 10.0)
    assert trigger.is_ok(12.9)
    assert not trigger.is_ok(13.0)
    trigger.update('front', True, 20.0)
    trigger.update('front', False, 20.1)
    trigger.update('front', True, 22.0)
    assert not trigger.is_ok(23.0)
    assert trigger.is_ok(23.2)


def test_nothing_is_inspected_during_a_pause_and_the_detector_is_reset(monkeypatch):
    inspected, resets = [], []
    inspect, reset = Detector.inspect, Detector.reset

    def spied(self, frame, stamp):
        inspected.append(stamp)
        return inspect(self, frame, stamp)

    def spied_reset(self):
        resets.append(len(inspected))
        reset(self)

    monkeypatch.setattr(Detector, 'inspect', spied)
    monkeypatch.setattr(Detector, 'reset', spied_reset)
    paused = False
    inspection = Inspection(DetectorMode.ONLY, lambda now: paused)

    def inspect_frame(index):
        return inspection.inspect(CameraFrame(
            index, index * 10**8, 0.0, view(index), 'bgr8', time=index / 10
        ))  # fmt: skip

    for index in range(6):
        paused = index in (2, 3)
        assert inspect_frame(index) is None
        assert inspection.status.paused is paused
    assert inspected == pytest.approx([0.0, 0.1, 0.4, 0.5])
    assert resets == [0, 2]


def test_node_inspects_unless_the_monitor_reports_ok(start, probe, wait_until, settings):
    start('restore_node', **settings, detector='only', detector_trigger='Image_Diagnostics')
    stream = Stream(probe, wait_until)
    monitor = probe.publisher(DiagnosticArray, '/diagnostics')
    stream.connect(masks=False)
    frames = itertools.count()

    def report(level, rests):
        def received():
            status = DiagnosticStatus(name=AUTOWARE.format('front'), level=level)
            other = DiagnosticStatus(name='driver: front', level=DiagnosticStatus.WARN)
            monitor.publish(DiagnosticArray(status=[status, other]))
            stream.serve(next(frames))
            return stream.status().get('detector.rests') == str(rests)

        wait_until(received, f'detector.rests: {rests}')

    black = np.zeros_like(view(0))
    report(DiagnosticStatus.OK, rests=True)
    stream.serve(next(frames), black)
    stream.wait_for_status(detector__flagged=0, detector__rests=True)
    report(DiagnosticStatus.WARN, rests=False)
    stream.serve(next(frames), black)
    stream.wait_for_status(detector__flagged=1, detector__rests=False)
