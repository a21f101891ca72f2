# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Injected camera faults: masks of lost pixels, and what is delivered in their place."""
