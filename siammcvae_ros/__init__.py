# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 nodes around `siammcvae_core`: restore a live camera stream, replay a recorded one."""
