# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The parts of the fault detector: what is measured of a frame, and one idea of damage per file."""
