# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Restores recordings: the node's restorer over a video or a bag, resumable."""
