# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What happens to a frame between its message and its restoration, in plain Python without ROS."""
