# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Peak memory of this process on Linux, which can reset the peak it records."""

from contextlib import suppress
import ctypes
import gc
from pathlib import Path

STATUS = Path('/proc/self/status')
RESET = Path('/proc/self/clear_refs')
RESET_PEAK = '5'


class Memory:
    """Peak of the memory that this process gained since creation, in MB (10^6 bytes)."""

    def __init__(self) -> None:
        self._before: float | None = None
        gc.collect()
        with suppress(AttributeError):  # return memory that is free to the system first
            ctypes.CDLL(None).malloc_trim(0)
        try:
            RESET.write_text(RESET_PEAK)
            self._before = _read('VmRSS')
        except OSError:  # another system, or it is not allowed
            return

    def gained(self) -> float | None:
        """Read the highest gain; None where the system does not record it."""
        return None if self._before is None else _read('VmHWM') - self._before


def _read(name: str) -> float:
    for line in STATUS.read_text().splitlines():
        if line.startswith(name + ':'):
            return int(line.split()[1]) * 1024 / 1e6
    raise OSError(f'{STATUS} has no {name}')
