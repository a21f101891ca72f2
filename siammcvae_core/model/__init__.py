# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SiamMCVAE as published, with its loss, its named sizes and its weights file format."""
