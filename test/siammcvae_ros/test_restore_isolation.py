# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The restore node with its model talks to nobody but DDS, and unpickles nothing."""

import os
from pathlib import Path
import signal
import subprocess
import sys

import numpy as np
import pytest
from support.stream import BAND, NOTHING, PATIENCE, Stream, view

from siammcvae_core.data.encodings import image_view

pytest.importorskip('torch', reason='PyTorch is not installed')

# Python reports what it is asked to do; DDS is C++ and opens its own sockets.
WATCHED_NODE = """
import sys
FORBIDDEN = {
    'http.client.connect', 'pickle.find_class', 'socket.connect', 'socket.getaddrinfo',
    'socket.gethostbyname', 'socket.sendmsg', 'socket.sendto', 'urllib.Request',
}
def watch(event, arguments):
    if event in FORBIDDEN:
        print('FORBIDDEN', event, arguments, file=sys.stderr, flush=True)
sys.addaudithook(watch)
from siammcvae_ros.restore_node import main
sys.exit(main())
"""


def sockets(process, protocol):
    """List the inodes of a process's sockets of a protocol, such as tcp."""
    folder = Path('/proc', str(process.pid))
    links = (os.readlink(fd) for fd in (folder / 'fd').iterdir())
    own = {link[len('socket:[') : -1] for link in links if link.startswith('socket:[')}
    tables = (folder / 'net' / f'{protocol}{version}' for version in ('', '6'))
    rows = [row.split() for table in tables if table.exists() for row in table.open()]
    return own & {row[9] for row in rows if row[0] != 'sl'}


@pytest.fixture
def watched(domain, tmp_path, settings):
    settings.update(weights='drive', model_budget=10.0)
    arguments = [text for pair in settings.items() for text in ('-p', f'{pair[0]}:={pair[1]}')]
    log = tmp_path / 'node.log'
    with log.open('wb') as stderr:
        process = subprocess.Popen(
            [sys.executable, '-c', WATCHED_NODE, '--ros-args', *arguments],
            env={**os.environ, 'ROS_DOMAIN_ID': str(domain), 'XDG_CACHE_HOME': str(tmp_path)},
            stderr=stderr,
            stdin=subprocess.DEVNULL,
        )
    yield process, log
    process.kill()
    process.wait()


def test_no_connection_is_opened_and_nothing_is_unpickled(watched, probe, wait_until):
    process, log = watched
    stream = Stream(probe, wait_until).connect(4 * PATIENCE)
    for index in range(3):
        stream.serve(index, mask=NOTHING)
    restored = image_view(stream.serve(3, mask=BAND))
    np.testing.assert_array_equal(restored[BAND == 0], view(3)[BAND == 0])
    stream.wait_for_status(restored__model=1)
    assert sockets(process, 'udp'), 'DDS has sockets, and none was seen'
    assert not sockets(process, 'tcp')
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0
    assert 'FORBIDDEN' not in log.read_text(), log.read_text()
