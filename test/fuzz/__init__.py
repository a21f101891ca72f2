# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Damaged files against every reader: `make fuzz`, or `PYTHONPATH=test python -m fuzz --help`."""
