# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Baselines: classical and learned methods to compare SiamMCVAE with."""
