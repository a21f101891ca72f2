# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C and SIGTERM end the demo and all it started, without a traceback, at any time."""

from collections.abc import Callable
from pathlib import Path
import signal
import subprocess
import sys
from typing import Any

import pytest

from siammcvae_ros.tools import processes
from siammcvae_ros.tools.processes import Child

INTERRUPTED_IMPORT = """\
import os, signal, sys

class Finder:
    def find_spec(self, name, *_):
        if name == 'siammcvae_ros.tools.demo.command':
            os.kill(os.getpid(), signal.{name})

sys.meta_path.insert(0, Finder())
from siammcvae_ros.tools.demo.__main__ import start
start()
"""


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_modules_load_ends_it_quietly(number: signal.Signals) -> None:
    code = INTERRUPTED_IMPORT.format(name=number.name)
    process = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert process.returncode == -number
    assert process.stderr == ''


INTERRUPTED_OPTIONS = """\
import os, signal, sys
from siammcvae_ros.tools.demo import command
from siammcvae_ros.tools.demo.__main__ import start
command._parser = lambda: os.kill(os.getpid(), signal.SIGINT)
sys.exit(start())
"""


def test_ctrl_c_while_the_options_are_read_ends_it_quietly() -> None:
    code = [sys.executable, '-c', INTERRUPTED_OPTIONS]
    process = subprocess.run(code, capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (130, 'demo: interrupted\n')


def _running(text: str) -> list[Path]:
    """List the processes whose command names `text`."""
    found = []
    for file in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            found += [file] if text.encode() in file.read_bytes() else []
        except OSError:  # has ended
            continue
    return found


@pytest.mark.parametrize(('number', 'status'), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_the_node_starts_ends_both(
    number: signal.Signals,
    status: int,
    tmp_path: Path,
    root: Path,
    wait_until: Callable[..., None],
) -> None:
    out = tmp_path / 'out'
    command = [sys.executable, '-m', 'siammcvae_ros.tools.demo', 'sim', '--out', str(out)]
    process = subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    node = str(out / 'parameters.yaml')
    wait_until(lambda: _running(node) or process.poll() is not None, 'the node', 120)
    process.send_signal(number)
    _, errors = process.communicate()
    assert process.returncode == status, errors
    assert 'Traceback' not in errors
    assert not _running(node)


def test_a_signal_while_a_child_starts_leaves_no_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(processes.subprocess, 'Popen', Interrupted)
    with pytest.raises(KeyboardInterrupt):
        Child('http.server', ['--bind', '127.0.0.1', '0'], tmp_path / 'log')
    assert started[0].poll() is not None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_leaves_no_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        if timeout is not None:
            raise KeyboardInterrupt
        return wait(self)

    wait = subprocess.Popen.wait
    child = Child('http.server', ['--bind', '127.0.0.1', '0'], tmp_path / 'log')
    monkeypatch.setattr(processes.subprocess.Popen, 'wait', interrupted)
    with pytest.raises(KeyboardInterrupt):
        child.end()
    assert child._process.poll() is not None
