# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`Restorer` and what it is made of: fallback chain, recurrence, latency estimate, uncertainty."""
