# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Earlier intact frames, the dense optical flow between them, and warping along it."""
