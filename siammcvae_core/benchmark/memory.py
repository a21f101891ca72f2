# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much memory something takes: the peak of this process, which Linux can forget and watch."""

from contextlib import suppress
import ctypes
import gc
from pathlib import Path

STATUS = Path('/proc/self/status')
FORGET = Path('/proc/self/clear_refs')
FORGET_PEAK = '5'


class Memory:
    """The memory that this process has gained at most since this was made, in MB (10^6 bytes)."""

    def __init__(self) -> None:
        self._before: float | None = None
        gc.collect()
        with suppress(AttributeError):  # memory freed before shall not be counted as there
            ctypes.CDLL(None).malloc_trim(0)
        try:
            FORGET.write_text(FORGET_PEAK)
            self._before = _read('VmRSS')
        except OSError:  # another system, or it is not allowed
            return

    def gained(self) -> float | None:
        """Tell the gain at its highest; None where the system does not tell."""
        return None if self._before is None else _read('VmHWM') - self._before


def _read(name: str) -> float:
    for line in STATUS.read_text().splitlines():
        if line.startswith(name + ':'):
            return int(line.split()[1]) * 1024 / 1e6
    raise OSError(f'{STATUS} has no {name}')
