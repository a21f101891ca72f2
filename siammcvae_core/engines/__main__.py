# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Command line: `python -m siammcvae_core.engines export|build`."""

from collections.abc import Sequence
import sys

from siammcvae_core.engines import build_command, export_command

COMMANDS = {'export': export_command.main, 'build': build_command.main}
USAGE = """\
usage: python -m siammcvae_core.engines {export,build} ...

  export  write the drive model as ONNX, or with --whole WxH the whole restoration
  build   build its TensorRT engines for the GPU of this machine

`export --help` and `build --help` say more.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status, 2 for an unknown one."""
    name, *rest = [*(sys.argv[1:] if arguments is None else arguments), '']
    if name in COMMANDS:
        return COMMANDS[name](rest[:-1])
    is_help = name in ('-h', '--help')
    print(USAGE, end='', file=sys.stdout if is_help else sys.stderr)
    return 0 if is_help else 2


if __name__ == '__main__':
    sys.exit(main())
