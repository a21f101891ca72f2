# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Restoration of damaged camera frames: model, restorer, faults, data and metrics, without ROS."""
