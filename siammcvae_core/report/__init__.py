# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One self-contained HTML page: numbers, tables, plots and pictures."""
