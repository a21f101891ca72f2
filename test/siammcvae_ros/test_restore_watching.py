# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What `/diagnostics` of the running node lets people watch, over real DDS."""

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from support.stream import BAND, NOTHING, Stream

STAGES = ('intake', 'mask_wait', 'queue', 'restore', 'publish')


def test_times_of_every_stage_go_on_when_the_camera_dies(start, probe, wait_until, settings):
    start('restore_node', **settings, stale_after=0.2)
    stream = Stream(probe, wait_until).connect()
    assert stream.status()['stage.restore_ms_p99'] == 'n/a'
    for index, mask in enumerate((NOTHING, NOTHING, BAND)):
        stream.serve(index, mask=mask)
    stream.wait_for_status(restored__warp=1, rung='warp', incompatible_qos='', state='stale')
    reports = len(stream.diagnostics)
    wait_until(lambda: len(stream.diagnostics) > reports + 5, 'diagnostics without a camera')
    status = stream.status()
    assert status['state'] == 'stale'
    for stage in STAGES:
        assert 0 <= float(status[f'stage.{stage}_ms_p50']) <= float(status[f'stage.{stage}_ms_p99'])
    restoring, whole = float(status['stage.restore_ms_p50']), float(status['restored_ms_p50'])
    assert 0 < restoring <= whole


def test_whoever_does_not_fit_is_named(start, probe, wait_until, settings):
    node = start('restore_node', **settings, stale_after=60.0)
    stream = Stream(probe, wait_until).connect()
    wants_old_frames = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    probe.node.create_subscription(Image, 'front/restored/mask', lambda _: None, wants_old_frames)
    stream.serve(0, mask=NOTHING)
    stream.wait_for_status(state='ok', incompatible_qos='/front/restored/mask: durability')
    assert '/front/restored/mask: the other end has an incompatible durability' in node.text


def test_masks_of_another_qos_are_an_error(start, probe, wait_until, settings):
    start('restore_node', **{**settings, 'mask_wait': 0.0, 'stale_after': 60.0})
    stream = Stream(probe, wait_until).connect()
    probe.publisher(Image, 'front/fault_mask', reliability=ReliabilityPolicy.BEST_EFFORT)
    probe.node.destroy_publisher(stream.masks)
    stream.serve(0)
    stream.wait_for_status(
        state='incompatible_qos', incompatible_qos='/front/fault_mask: reliability'
    )
