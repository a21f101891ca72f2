# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stress test: hostile messages and calls to the real node, and checks of every output."""
