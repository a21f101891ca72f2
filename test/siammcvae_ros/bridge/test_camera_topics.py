# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The topics of a camera: what is set for one of them stays there."""

import rclpy
from rclpy.lifecycle import LifecycleNode
from rclpy.parameter import Parameter
from rclpy.qos import ReliabilityPolicy

from siammcvae_ros.bridge.camera_topics import CameraTopics
from siammcvae_ros.bridge.compressed import ImageTransport

OVERRIDES = {
    'qos_overrides./front/image_raw.subscription.reliability': 'reliable',
    'qos_overrides./front/restored/image_raw.publisher.reliability': 'best_effort',
}


def test_overrides_of_one_camera_leave_the_others_alone(domain):
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    overrides = [Parameter(name, value=value) for name, value in OVERRIDES.items()]
    node = LifecycleNode('restore', context=context, parameter_overrides=overrides)
    for prefix in ('front', 'rear'):
        topics = CameraTopics(node, prefix, ImageTransport.RAW)
        topics.listen(None, True, lambda: False, lambda: None)
    came = {end.topic_name: end.qos_profile.reliability for end in node.subscriptions}
    went = {end.topic_name: end.qos_profile.reliability for end in node.publishers}
    rclpy.shutdown(context=context)
    assert came['/front/image_raw'] is ReliabilityPolicy.RELIABLE
    assert came['/front/camera_info'] is came['/rear/image_raw'] is ReliabilityPolicy.BEST_EFFORT
    assert went['/front/restored/image_raw'] is ReliabilityPolicy.BEST_EFFORT
    assert went['/rear/restored/image_raw'] is ReliabilityPolicy.RELIABLE
