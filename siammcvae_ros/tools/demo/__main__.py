# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Starts the demo: `python -m siammcvae_ros.tools.demo [SOURCE] --out out/demo`."""

import signal
import sys


def start() -> int:
    """Run the command; a Ctrl-C while its modules load ends the process without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from siammcvae_ros.tools.demo.command import main

    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return main()
    except KeyboardInterrupt:  # while the options are read
        print('demo: interrupted', file=sys.stderr)
        return 130


if __name__ == '__main__':
    sys.exit(start())
