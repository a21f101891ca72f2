# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Damaged files against every reader: `PYTHONPATH=test python -m fuzz --help`."""

import argparse
from collections.abc import Sequence
import json
from math import inf
import os
from pathlib import Path
import sys

from fuzz.run import fuzz, FuzzResult, LIMITS
from fuzz.worker import kinds_of, Limits

DESCRIPTION = """\
Damages small files of every kind that the program reads, and has them read. A reader must work or
raise an InputError of one line that names the file; it must not raise anything else, crash, hang,
take too much memory, run a pickle, change the file or leave others behind.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz and print the result as JSON; 1 if a reader is at fault."""
    kinds = list(kinds_of())
    p = argparse.ArgumentParser(
        prog='python -m fuzz', description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument('--cases', type=int, default=20_000, help='in all (default %(default)s)')
    p.add_argument('--seed', type=int, default=0, help='the same seed, the same cases')
    p.add_argument('--kind', choices=kinds, nargs='+', default=kinds, metavar='KIND',
                   help=f'of: {", ".join(kinds)} (default: all)')  # fmt: skip
    p.add_argument('--first', type=int, default=0, help='number of the first case of each kind')
    p.add_argument('--jobs', type=int, default=max(1, (os.cpu_count() or 2) // 2))
    p.add_argument('--seconds', type=int, default=LIMITS.seconds, help='of processor time per case')
    p.add_argument('--megabytes', type=int, default=LIMITS.megabytes, help='of memory per case')
    p.add_argument('--minutes', type=float, default=inf, help='to stop after (default: no limit)')
    p.add_argument('--keep', type=Path, metavar='DIR', help='for the files of faults')
    options = p.parse_args(arguments)
    if min(options.cases, options.jobs, options.seconds, options.megabytes) < 1:
        p.error('--cases, --jobs, --seconds and --megabytes must be 1 or more')
    result = fuzz(
        options.kind, options.cases, options.seed, options.jobs,
        Limits(options.seconds, options.megabytes), options.keep, options.first,
        minutes=options.minutes,
    )  # fmt: skip
    print(json.dumps(report(result), indent=2))
    return 1 if result.faults else 0


def report(result: FuzzResult) -> dict[str, object]:
    """Return the result as it is printed."""
    kinds = {
        name: {'cases': counts.total(), **dict(sorted(counts.items()))}
        for name, counts in sorted(result.counts.items())
    }
    return {
        'kinds': kinds,
        'cases': sum(counts.total() for counts in result.counts.values()),
        'slowest_s': result.slowest,
        'most_mb': result.megabytes,
        'faults': result.faults,
    }


if __name__ == '__main__':
    sys.exit(main())
