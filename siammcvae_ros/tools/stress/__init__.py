# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Endurance: hostile messages and calls against the real node, and an account of the outcome."""
