# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training of every model by one loop: samples, systems, optimiser, exact resume, reports."""
