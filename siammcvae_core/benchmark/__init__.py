# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How fast frames are restored on this machine: methods, timing, hardware ceilings, report."""
