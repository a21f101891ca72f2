# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How fast frames are restored here: what is timed, how, and against which ceilings."""
