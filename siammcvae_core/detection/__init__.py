# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fault masks from frames alone, one kind of damage per file, and from compressed streams."""
