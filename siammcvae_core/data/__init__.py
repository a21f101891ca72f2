# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where frames come from: videos, image folders, rosbags and the rendered drive."""
