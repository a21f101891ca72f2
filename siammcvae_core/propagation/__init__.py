# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How well features find the same thing again: labels of a first frame carried through a video."""
