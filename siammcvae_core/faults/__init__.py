# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with a camera frame: where (masks) and what is delivered instead (camera)."""
