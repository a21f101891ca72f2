# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Child processes: started with a log, watched, and always ended."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading

GRACE = 5.0  # s
LINES_SHOWN = 8


@contextmanager
def _signals_deferred() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait for the end of the block, which must not be left halfway."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread handles signals
        return
    came: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for which in came:
            signal.raise_signal(which)


class ProcessError(RuntimeError):
    """A child process ended early or makes no progress; the message is for the user."""


class Child:
    """A `python -m module` of this interpreter; a context manager that ends it on the way out.

    It runs in a session of its own, so that a Ctrl-C in the terminal does not reach it directly.
    """

    def __init__(self, module: str, arguments: Sequence[str], log: Path) -> None:
        self.name = module.rpartition('.')[2]
        self.log = log
        command = [sys.executable, '-u', '-m', module, *arguments]
        started = False
        try:
            with log.open('wb') as output, _signals_deferred():
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                    start_new_session=True,
                )  # fmt: skip
                started = True
        except BaseException:  # a signal that came meanwhile
            if started:
                self.end()
            raise

    def __enter__(self) -> 'Child':
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def has_finished(self) -> bool:
        """Whether it has ended by itself with status 0; ProcessError if with any other."""
        status = self._process.poll()
        if status:
            raise ProcessError(f'{self.name} ended with status {status}.\n{self.last_lines()}')
        return status == 0

    def resident_bytes(self) -> int:
        """Return its resident memory in bytes (Linux)."""
        pages = Path(f'/proc/{self._process.pid}/statm').read_text().split()[1]
        return int(pages) * os.sysconf('SC_PAGE_SIZE')

    def last_lines(self) -> str:
        """Return the end of its log, with the path of the log."""
        lines = self.log.read_text(errors='replace').splitlines()[-LINES_SHOWN:]
        return '\n'.join([*(f'  {line}' for line in lines), f'Its whole log: {self.log}'])

    def kill(self) -> None:
        """Kill it: it cannot clean up."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Interrupt it if it still runs; kill it if that does not help."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also where a second Ctrl-C comes
            if self._process.poll() is None:
                self.kill()
