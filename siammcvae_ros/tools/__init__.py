# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Demo, stress test and benchmark of the nodes: nothing that the nodes need."""
