# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the drive model is told, and what is made of its answer: NumPy, outside every engine."""
