# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scores every way of restoring frames on the same frames, references and masks."""
