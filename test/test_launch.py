# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The launch files, run by launch itself: what command line and environment the nodes are given."""

import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
import yaml

pytest.importorskip('launch_ros', reason='launch_ros is not installed')

PATIENCE = 60.0  # seconds
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

# Stands in for a node: notes how it was started. With STAY it goes on, RViz until all have started.
NODE = """#!{python}
import json, os, pathlib, sys, time
files = [value for flag, value in zip(sys.argv, sys.argv[1:]) if flag == '--params-file']
started = {{
    'arguments': sys.argv[1:],
    'parameters': [pathlib.Path(file).read_text() for file in files],
    'profiles': {{name: value for name, value in os.environ.items() if 'PROFILES_FILE' in name}},
}}
name = pathlib.Path(sys.argv[0]).name
note = pathlib.Path({out!r}, name + '.started')
note.with_suffix('.part').write_text(json.dumps(started))
note.with_suffix('.part').rename(note)
end = time.monotonic() + 2 * {patience}
while 'STAY' in os.environ and time.monotonic() < end:
    if name == 'rviz2' and len(list(note.parent.glob('*.started'))) == 3:
        break
    time.sleep(0.01)
"""

PROGRAMS = {
    'siammcvae_ros': ('restore_node', 'replay_node'),
    'rviz2': ('rviz2',),
    'foxglove_bridge': ('foxglove_bridge',),
}
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
    for package, names in PROGRAMS.items():
        (index / package).touch()
        programs = prefix / 'lib' / package
        programs.mkdir(parents=True)
        for name in names:
            text = NODE.format(python=sys.executable, out=str(tmp_path), patience=PATIENCE)
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
    share = prefix / 'share' / 'siammcvae_ros'
    share.mkdir()
    for folder in ('launch', 'config'):
        (share / folder).symlink_to(root / folder)
    return prefix


def process(prefix: Path, file: str, *arguments: str, **environment: str) -> subprocess.Popen:
    """Start a launch file."""
    of_this_machine = ('PROFILES_FILE', 'DISPLAY')
    inherited = {k: v for k, v in os.environ.items() if not k.endswith(of_this_machine)}
    paths = [str(prefix), *filter(None, [os.environ.get('AMENT_PREFIX_PATH')])]
    path = prefix / 'share/siammcvae_ros/launch' / file
    return subprocess.Popen(
        [sys.executable, '-c', LAUNCH, str(path), *arguments],
        env={
            **inherited,
            'AMENT_PREFIX_PATH': os.pathsep.join(paths),
            'ROS_LOG_DIR': str(prefix.parent / 'log'),
            **environment,
        },
        stdin=subprocess.DEVNULL,
    )


def launch(prefix: Path, file: str, *arguments: str, **environment: str) -> dict[str, Started]:
    """Run a launch file; return how each node was started, by the name of its program."""
    with process(prefix, file, 'respawn:=false', *arguments, **environment) as running:
        try:
            status = running.wait(PATIENCE)
        finally:
            running.kill()
    if status:
        raise subprocess.CalledProcessError(status, file)
    return {path.stem: Started(path.read_text()) for path in prefix.parent.glob('*.started')}


def test_a_node_that_ends_is_started_again(prefix: Path) -> None:
    note = prefix.parent / 'restore_node.started'
    end = time.monotonic() + PATIENCE
    with process(prefix, 'restore.launch.py') as running:
        try:
            for _ in range(3):
                while not note.exists():
                    assert time.monotonic() < end
                    time.sleep(0.01)
                note.unlink()
            running.send_signal(signal.SIGINT)
            running.wait(PATIENCE)
        finally:
            running.kill()


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
        'loop:=true',
    )
    replay, restore = started['replay_node'], started['restore_node']
    assert replay.parameters['source'] == 'drive.mp4'
    assert replay.parameters['faults'] == ('random:0.75', 'freeze')
    assert replay.parameters['fault_probability'] == 0.5
    assert replay.parameters['loop'] is True
    assert '__ns:=/rear' in replay.arguments
    assert '__ns:=/rear' in restore.arguments
    assert replay.profiles == restore.profiles != {}


@pytest.mark.parametrize(
    ('arguments', 'environment', 'viewers'),
    [
        ([], {}, set()),
        ([], {'DISPLAY': ':0', 'STAY': '1'}, {'rviz2'}),
        (['view:=none'], {'DISPLAY': ':0'}, set()),
        (['view:=rviz'], {'STAY': '1'}, {'rviz2'}),
        (['view:=foxglove'], {}, {'foxglove_bridge'}),
    ],
)
def test_replay_waits_for_the_restorer_and_what_shows_it(
    prefix: Path, arguments: list[str], environment: dict[str, str], viewers: set[str]
) -> None:
    """With STAY the nodes never end, unless the end of RViz ends them."""
    started = launch(prefix, 'replay.launch.py', *arguments, **environment)
    assert set(started) == {'replay_node', 'restore_node'} | viewers
    assert started['replay_node'].parameters['wait_for_subscribers'] == 1 + len(viewers)
    shipped = str(prefix / 'share/siammcvae_ros/config/restore.rviz')
    if 'rviz2' in viewers:
        assert started['rviz2'].arguments[:2] == ['-d', shipped]


def test_replay_does_without_rviz_unless_told_where_it_is_not_installed(prefix: Path) -> None:
    packages = pytest.importorskip('ament_index_python.packages')
    if os.environ.get('AMENT_PREFIX_PATH') and 'rviz2' in packages.get_packages_with_prefixes():
        pytest.skip('RViz is installed here')
    (prefix / 'share/ament_index/resource_index/packages/rviz2').unlink()
    with pytest.raises(subprocess.CalledProcessError):
        launch(prefix, 'replay.launch.py', 'view:=rviz')
    assert not list(prefix.parent.glob('*.started'))
    started = launch(prefix, 'replay.launch.py', WAYLAND_DISPLAY='wayland-0')
    assert set(started) == {'replay_node', 'restore_node'}


@pytest.mark.parametrize(
    ('camera', 'below', 'name'), [('/car/front', '/car/front/', 'car/front'), ('', '/', 'restore')]
)
def test_viewers_show_the_camera_that_is_replayed(
    root: Path, prefix: Path, camera: str, below: str, name: str
) -> None:
    started = launch(prefix, 'replay.launch.py', f'camera:={camera}', 'view:=rviz', STAY='1')
    shown = yaml.safe_load(Path(started['rviz2'].arguments[1]).read_text())
    shipped = yaml.safe_load((root / 'config/restore.rviz').read_text())
    for display in shipped['Visualization Manager']['Displays']:
        display['Topic']['Value'] = display['Topic']['Value'].replace('/front/', below)
    assert shown == shipped

    launch(prefix, 'replay.launch.py', f'camera:={camera}', 'view:=foxglove')
    (path,) = (prefix.parent / 'log').rglob('foxglove_layout.json')
    panels = json.loads(path.read_text())['configById'].values()
    images = {panel['imageMode']['imageTopic'] for panel in panels if 'imageMode' in panel}
    assert f'{below}restored/image_raw' in images
    (status,) = (panel for panel in panels if 'selectedName' in panel)
    assert (status['selectedHardwareId'], status['selectedName']) == (name, f'restore: {name}')


def test_replay_hands_each_node_its_own_parameter_file(root: Path, prefix: Path) -> None:
    mine = prefix.parent / 'mine.yaml'
    shipped = (root / 'config' / 'restore.param.yaml').read_text()
    mine.write_text(shipped.replace('max_hold: 0.05', 'max_hold: 0.25'))
    for argument, max_hold in ([], 0.05), ([f'restore_params_file:={mine}'], 0.25):
        started = launch(prefix, 'replay.launch.py', *argument)
        assert started['restore_node'].parameters['max_hold'] == max_hold
        assert 'fault_burst' not in started['restore_node'].parameters
        assert 'fault_burst' in started['replay_node'].parameters
