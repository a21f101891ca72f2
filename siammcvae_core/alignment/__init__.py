# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fit of the reference to what is visible, the network's features, and the composite: NumPy."""
