# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Engines reach for no network: the kernel ends a process of theirs that asks for a socket."""

import os
import platform
import subprocess
import sys

import pytest

pytest.importorskip('torch', reason='PyTorch is not installed')

SOCKET = {'x86_64': 41, 'aarch64': 198}  # number of the system call socket()

# Libraries have telemetry of their own, some in C++, some in a process they fork: a filter of
# the kernel (seccomp, inherited by children) sees them all. AF_INET is 2, AF_INET6 is 10.
RESTORE_WITHOUT_NETWORK = """
import ctypes, os, socket, struct, sys

LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
KILL, ALLOW = 0x80000000, 0x7FFF0000
steps = [
    (LOAD, 0, 0, 0),                       # number of the system call
    (EQUAL, 0, 4, int(sys.argv[1])),       # not socket(): allow
    (LOAD, 0, 0, 16),                      # its family
    (EQUAL, 1, 0, socket.AF_INET),
    (EQUAL, 0, 1, socket.AF_INET6),
    (RETURN, 0, 0, KILL),
    (RETURN, 0, 0, ALLOW),
]
code = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *step) for step in steps))
program = struct.pack('HxxxxxxP', len(steps), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2
assert libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
if libc.prctl(SECCOMP, FILTER, program, 0, 0) != 0:
    sys.exit(77)

if os.fork() == 0:  # the filter works
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    os._exit(0)
assert os.WIFSIGNALED(os.wait()[1])

import multiprocessing.process
started = []
start = multiprocessing.process.BaseProcess.start
multiprocessing.process.BaseProcess.start = lambda self: (started.append(self), start(self))

import numpy as np
from siammcvae_core.engines.factory import load_engine
from siammcvae_core.restore.restored_frame import RestoreMethod
from siammcvae_core.restore.restorer import Restorer

engine = load_engine('drive')
restorer = Restorer(engine)
frame = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
for stamp in (0.0, 0.1):
    restorer.observe(frame.copy(), stamp)
lost = np.zeros((96, 128), bool)
lost[32:64] = True
assert restorer.restore(frame, lost, 0.2).method is RestoreMethod.MODEL
print(engine.describe()['choice'])
assert not started, f'a library started {started}'
"""


def test_a_model_restores_where_no_socket_can_be_had(tmp_path):
    number = SOCKET.get(platform.machine())
    if sys.platform != 'linux' or number is None:
        pytest.skip('seccomp filters are for Linux on x86-64 and aarch64')
    ended = subprocess.run(
        [sys.executable, '-c', RESTORE_WITHOUT_NETWORK, str(number)],
        env={**os.environ, 'XDG_CACHE_HOME': str(tmp_path), 'CUDA_VISIBLE_DEVICES': ''},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode == 77:
        pytest.skip('this kernel takes no seccomp filter')
    assert ended.returncode == 0, f'{ended.returncode}\n{ended.stdout}\n{ended.stderr}'
