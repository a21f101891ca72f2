# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command line of every command: one-line errors, and exit statuses that mean the same."""

import argparse
from collections.abc import Callable, Sequence
import re
import sys
from typing import NoReturn

from siammcvae_core.errors import InputError


class CommandParser(argparse.ArgumentParser):
    """Reads the options of `python -m MODULE`, and runs what they ask for.

    `module` is what follows `python -m`, such as 'siammcvae_core.engines export'; its last word
    is the `name` in front of error messages. Description and epilog are printed as they are.
    """

    def __init__(self, module: str, description: str, epilog: str = '') -> None:
        super().__init__(
            prog=f'python -m {module}',
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.name = re.split('[. ]', module)[-1]

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with status 2."""
        self.exit(2, f'{self.name}: {message} (see --help)\n')

    def run(
        self,
        command: Callable[[argparse.Namespace], int | None],
        arguments: Sequence[str] | None = None,
        failures: tuple[type[Exception], ...] = (),
        interrupted: str = 'interrupted',
    ) -> int:
        """Parse `arguments` (default: those of this process) and call `command` with the options.

        Returns its exit status, None counting as 0. Errors become one line on stderr: 1 for those
        of the types `failures`, 2 for others that the user can mend (InputError, OSError, a missing
        package), 130 with the text `interrupted` for Ctrl-C.
        """
        options = self.parse_args(arguments)
        try:
            return command(options) or 0
        except failures as error:
            status, message = 1, str(error)
        except (InputError, OSError) as error:
            status, message = 2, str(error)
        except ModuleNotFoundError as error:
            package = (error.name or '').partition('.')[0]
            status, message = 2, f'needs the package {package}: pip install {package}'
        except KeyboardInterrupt:
            status, message = 130, interrupted
        print(f'{self.name}: {message}', file=sys.stderr)
        return status
