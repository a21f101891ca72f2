# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Messages and topics: images, compressed images, camera topics, diagnostics, triggers."""
