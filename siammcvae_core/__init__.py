# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Restoration of damaged camera frames: model, restorer, faults, data and metrics, without ROS."""

import os

LARGEST = 8192 * 4320
"""Pixels that a frame may have: 8K."""

# A picture of a few bytes may claim more than any memory holds. OpenCV believes up to a billion
# pixels, unless it is told otherwise before it is imported.
os.environ.setdefault('OPENCV_IO_MAX_IMAGE_PIXELS', str(LARGEST))
