# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a user would pick instead of SiamMCVAE, to compare with."""
