# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demonstration: a drive through the real node over DDS, its output recorded and judged."""
