# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The shipped Fast DDS profile is accepted by the installed ROS and sets a large segment."""

import os
from pathlib import Path
import subprocess
import sys

import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')

# Prints the size in bytes of the largest Fast DDS shared-memory segment that the node has mapped.
NODE = r"""
import re, rclpy
rclpy.init()
node = rclpy.create_node('probe')
if rclpy.get_rmw_implementation_identifier() != 'rmw_fastrtps_cpp':
    raise SystemExit('another RMW')
segments = re.findall(r'^(\w+)-(\w+) .*/dev/shm/fast', open('/proc/self/maps').read(), re.M)
print(max((int(end, 16) - int(start, 16) for start, end in segments), default=0))
node.destroy_node()
rclpy.shutdown()
"""


def test_segment_holds_large_images() -> None:
    profile = str(Path(__file__).parents[2] / 'config' / 'fastdds_large_images.xml')
    variables = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
    ran = subprocess.run(
        [sys.executable, '-c', NODE],
        env={**os.environ, **dict.fromkeys(variables, profile)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if 'another RMW' in ran.stderr:
        pytest.skip('another RMW than Fast DDS is in use')
    assert ran.returncode == 0, ran.stderr
    assert 'XMLPARSER' not in ran.stdout + ran.stderr
    assert int(ran.stdout.split()[-1]) >= 64 * 2**20
