# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Entry points of the nodes: a signal during the seconds of importing ends them quietly."""

from importlib import import_module
import sys


def restore_node() -> int:
    """Run the restore node; see `restore_node.main`."""
    return _main('restore_node')


def replay_node() -> int:
    """Run the replay node; see `replay_node.main`."""
    return _main('replay_node')


def _main(module: str) -> int:
    try:
        return int(import_module(f'siammcvae_ros.{module}').main(sys.argv))
    except KeyboardInterrupt:
        return 0
