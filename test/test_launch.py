# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The launch files, run by launch itself: what command line and environment the nodes are given."""

import json
import os
from pathlib import Path
import subprocess
import sys
from typing import Any

import pytest
import yaml

pytest.importorskip('launch_ros', reason='launch_ros is not installed')

LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
arguments = [tuple(argument.split(':=')) for argument in sys.argv[2:]]
source = PythonLaunchDescriptionSource(sys.argv[1])
service = LaunchService()
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)]))
sys.exit(service.run())
"""

# Stands in for a node: notes how it was started.
NODE = """#!{python}
import json, os, pathlib, sys
files = [value for flag, value in zip(sys.argv, sys.argv[1:]) if flag == '--params-file']
started = {{
    'arguments': sys.argv[1:],
    'parameters': [pathlib.Path(file).read_text() for file in files],
    'profiles': {{name: value for name, value in os.environ.items() if 'PROFILES_FILE' in name}},
}}
pathlib.Path({out!r}, pathlib.Path(sys.argv[0]).name).write_text(json.dumps(started))
"""

DEFAULT_PROFILE = 'share/siammcvae_ros/config/fastdds_large_images.xml'


class Started:
    """How a node was started."""

    def __init__(self, text: str) -> None:
        started = json.loads(text)
        self.arguments: list[str] = started['arguments']
        self.profiles: dict[str, str] = started['profiles']
        self.parameters: dict[str, Any] = {}
        for file in started['parameters']:
            for scope in yaml.full_load(file).values():  # launch writes lists as tuples
                self.parameters.update(scope['ros__parameters'])


@pytest.fixture
def prefix(root: Path, tmp_path: Path) -> Path:
    """Install prefix with the real share folder and stand-ins for the nodes."""
    prefix = tmp_path / 'prefix'
    index = prefix / 'share' / 'ament_index' / 'resource_index' / 'packages'
    index.mkdir(parents=True)
    (index / 'siammcvae_ros').touch()
    share = prefix / 'share' / 'siammcvae_ros'
    share.mkdir()
    for folder in ('launch', 'config'):
        (share / folder).symlink_to(root / folder)
    programs = prefix / 'lib' / 'siammcvae_ros'
    programs.mkdir(parents=True)
    for name in ('restore_node', 'replay_node'):
        (programs / name).write_text(NODE.format(python=sys.executable, out=str(tmp_path)))
        (programs / name).chmod(0o755)
    return prefix


def launch(prefix: Path, file: str, *arguments: str, **environment: str) -> dict[str, Started]:
    """Run a launch file; return how each node was started, by the name of its program."""
    inherited = {k: v for k, v in os.environ.items() if 'PROFILES_FILE' not in k}
    paths = [str(prefix), *filter(None, [os.environ.get('AMENT_PREFIX_PATH')])]
    path = prefix / 'share/siammcvae_ros/launch' / file
    subprocess.run(
        [sys.executable, '-c', LAUNCH, str(path), *arguments],
        env={**inherited, 'AMENT_PREFIX_PATH': os.pathsep.join(paths), **environment},
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=True,
    )
    return {path.name: Started(path.read_text()) for path in prefix.parent.glob('*_node')}


def test_defaults_leave_the_parameter_file_in_force(root: Path, prefix: Path) -> None:
    started = launch(prefix, 'restore.launch.py')['restore_node']
    shipped = yaml.safe_load((root / 'config' / 'restore.param.yaml').read_text())
    assert started.parameters == shipped['/**']['ros__parameters']
    assert '__node:=restore' in started.arguments


def test_arguments_reach_the_node(prefix: Path) -> None:
    started = launch(
        prefix,
        'restore.launch.py',
        'cameras:=front, /left',
        'namespace:=car',
        'use_sim_time:=true',
        'autostart:=false',
        'log_level:=debug',
    )['restore_node']
    assert started.parameters['cameras'] == ('front', 'left')
    assert started.parameters['use_sim_time'] is True
    assert started.parameters['autostart'] is False
    assert '__ns:=/car' in started.arguments
    assert started.arguments[started.arguments.index('--log-level') + 1] == 'debug'


@pytest.mark.parametrize(
    ('distro', 'variable'),
    [
        ('humble', 'FASTRTPS_DEFAULT_PROFILES_FILE'),
        ('jazzy', 'FASTRTPS_DEFAULT_PROFILES_FILE'),
        ('kilted', 'FASTDDS_DEFAULT_PROFILES_FILE'),
    ],
)
def test_large_image_profile_is_set(prefix: Path, distro: str, variable: str) -> None:
    started = launch(prefix, 'restore.launch.py', ROS_DISTRO=distro)['restore_node']
    assert started.profiles == {variable: str(prefix / DEFAULT_PROFILE)}


@pytest.mark.parametrize(
    'variable', ['FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE']
)
def test_profile_of_the_user_stays(prefix: Path, tmp_path: Path, variable: str) -> None:
    mine = tmp_path / 'mine.xml'
    mine.write_text((prefix / DEFAULT_PROFILE).read_text())
    started = launch(prefix, 'restore.launch.py', **{variable: str(mine)})['restore_node']
    assert started.profiles == {variable: str(mine)}


def test_profile_can_be_left_out(prefix: Path) -> None:
    started = launch(prefix, 'restore.launch.py', 'fastdds_profile:=none')['restore_node']
    assert started.profiles == {}


def test_replay_brings_the_restorer_of_its_camera(prefix: Path) -> None:
    started = launch(
        prefix,
        'replay.launch.py',
        'camera:=rear',
        'source:=drive.mp4',
        'faults:=random:0.75, freeze',
        'fault_probability:=0.5',
    )
    replay, restore = started['replay_node'], started['restore_node']
    assert replay.parameters['source'] == 'drive.mp4'
    assert replay.parameters['faults'] == ('random:0.75', 'freeze')
    assert replay.parameters['fault_probability'] == 0.5
    assert '__ns:=/rear' in replay.arguments
    assert '__ns:=/rear' in restore.arguments
    assert replay.profiles == restore.profiles != {}
