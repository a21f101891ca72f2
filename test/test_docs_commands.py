# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Commands in the documents are commands there are, with options they have."""

from importlib.util import find_spec
import os
from pathlib import Path
import re
import shlex
import subprocess
import sys

from numpy import uint8, zeros
import pytest
from rosbags.rosbag2 import Reader, Writer
from rosbags.typesys import get_typestore, Stores

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / 'README.md', *ROOT.glob('docs/*.md'), *ROOT.glob('siammcvae_core/**/*.md'),
]  # fmt: skip
MODULE = re.compile(r'-m\s+(siammcvae_[\w.]*\w)([^`\n]*)')


def commands():
    found = {}
    for document in DOCUMENTS:
        for module, rest in MODULE.findall(document.read_text()):
            options = {word for word in rest.split('#')[0].split() if word.startswith('--')}
            found.setdefault(module, set()).update(option.partition('=')[0] for option in options)
    return found


COMMANDS = commands()


def help_of(module):
    shown = subprocess.run(
        [sys.executable, '-m', module, '--help'], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def test_the_documents_name_the_main_commands():
    named = {module.rpartition('.')[2] for module in COMMANDS}
    assert named >= {'restore', 'evaluate', 'train', 'calibrate', 'persistent_faults', 'benchmark'}


@pytest.mark.parametrize('module', sorted(COMMANDS))
def test_every_command_and_option_exists(module):
    package = module.partition('.')[0]
    assert find_spec(package)
    if module == 'siammcvae_core.train' and not find_spec('accelerate'):
        pytest.skip('the extra [train] is not installed')
    if package == 'siammcvae_ros' and not find_spec('rclpy'):
        pytest.skip('ROS 2 is not installed')
    told = help_of(module)
    assert [option for option in COMMANDS[module] if option not in told] == []


def test_from_a_bag_to_a_restored_bag(tmp_path):
    text = (ROOT / 'docs' / 'tutorials.md').read_text()
    (line,) = re.findall(r'^ {4}python (-m siammcvae_core\.restore my_bag .*)$', text, re.M)
    _write_bag(tmp_path / 'my_bag')
    done = subprocess.run(
        [sys.executable, *shlex.split(line)], cwd=tmp_path, capture_output=True, text=True,
        check=False, env={**os.environ, 'PYTHONPATH': str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with Reader(tmp_path / 'restored_bag') as bag:
        topics = {connection.topic for connection in bag.connections}
    assert '/front/image_raw' in topics
    assert any('restored' in topic for topic in topics)


def _write_bag(folder):
    types = get_typestore(Stores.ROS2_HUMBLE)
    image, header, time = (
        types.types[name]
        for name in ('sensor_msgs/msg/Image', 'std_msgs/msg/Header', 'builtin_interfaces/msg/Time')
    )
    with Writer(folder, version=9) as bag:
        topic = bag.add_connection('/front/image_raw', image.__msgtype__, typestore=types)
        for index in range(6):
            pixels = zeros((48, 64, 3), uint8)
            pixels[:, 8 * index : 8 * index + 8] = 200
            pixels[:, :, 1] = range(64)
            stamp = time(1, index * 100_000_000)
            message = image(header(stamp, 'front'), 48, 64, 'bgr8', 0, 64 * 3, pixels.reshape(-1))
            data = types.serialize_cdr(message, image.__msgtype__)
            bag.write(topic, 10**9 + index * 10**8, data)
