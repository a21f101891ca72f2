# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CameraInfo messages of a replayed source: as recorded, or those of a pinhole camera."""

from typing import Any

from sensor_msgs.msg import CameraInfo

IMAGE_FIELDS = ('height', 'width', 'distortion_model', 'binning_x', 'binning_y')
ROI_FIELDS = ('x_offset', 'y_offset', 'height', 'width', 'do_rectify')


def recorded_camera_info(recorded: Any) -> CameraInfo:
    """Convert a recorded CameraInfo, of whatever ROS version, into a message without a header."""
    info = CameraInfo()
    for name in IMAGE_FIELDS:
        if hasattr(recorded, name):
            setattr(info, name, getattr(recorded, name))
    info.d = [float(value) for value in recorded.d]
    info.k, info.r, info.p = recorded.k, recorded.r, recorded.p
    if hasattr(recorded, 'roi'):
        for name in ROI_FIELDS:
            setattr(info.roi, name, getattr(recorded.roi, name))
    return info


def pinhole_camera_info(width: int, height: int) -> CameraInfo:
    """Describe a plausible camera: no distortion, focal length = width (53 degrees across)."""
    focal, cx, cy = float(width), (width - 1) / 2, (height - 1) / 2
    info = CameraInfo(width=width, height=height, distortion_model='plumb_bob', d=[0.0] * 5)
    info.k = [focal, 0.0, cx, 0.0, focal, cy, 0.0, 0.0, 1.0]
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    info.p = [focal, 0.0, cx, 0.0, 0.0, focal, cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return info
