# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The rendered street: what stands on it, how it is painted and projected."""
