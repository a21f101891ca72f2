# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The launch files, evaluated without launch: what they hand to a node is what it declares.

`test_launch.py` runs them for real where launch is installed.
"""

from pathlib import Path
import re
from types import SimpleNamespace
from typing import Any

import pytest
from support.launch_stand_in import LaunchContext, Launcher, Node

from siammcvae_core.errors import InputError

yaml = pytest.importorskip('yaml', reason='PyYAML is not installed')
pytest.importorskip('rclpy', reason='ROS 2 is not installed')

from siammcvae_ros.replay_parameters import PARAMETERS as REPLAY  # noqa: E402
from siammcvae_ros.restore_parameters import PARAMETERS as RESTORE  # noqa: E402

ROWS = {
    executable: {row.name: row for row in table.rows}
    for executable, table in (('restore_node', RESTORE), ('replay_node', REPLAY))
}
OF_EVERY_NODE = {'use_sim_time': False}
FULL = {
    'restore.launch.py': {
        'cameras': 'front, /left',
        'namespace': 'car',
        'use_sim_time': 'true',
        'autostart': 'false',
        'respawn': 'false',
        'log_level': 'debug',
        'fastdds_profile': 'none',
        'processes': 'one',
    },
    'replay.launch.py': {
        'source': 'drive.mp4',
        'topic': '/front/image_raw',
        'camera': 'rear',
        'faults': 'random:0.75, freeze',
        'fault_probability': '0.5',
        'loop': 'true',
    },
}
CASES = [
    ('restore.launch.py', {}),
    ('restore.launch.py', FULL['restore.launch.py']),
    *(('replay.launch.py', {'view': view}) for view in ('auto', 'rviz', 'foxglove', 'none')),
    ('replay.launch.py', FULL['replay.launch.py']),
]


@pytest.fixture
def launcher(monkeypatch: pytest.MonkeyPatch, root: Path, tmp_path: Path) -> Launcher:
    return Launcher(monkeypatch, root, tmp_path)


def in_file(path: str) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for scope in yaml.safe_load(Path(path).read_text()).values():
        parameters.update(scope['ros__parameters'])
    return parameters


def check(executable: str, parameters: dict[str, Any]) -> None:
    """Check that a node declares these parameters and accepts their values."""
    for name, value in parameters.items():
        if name in OF_EVERY_NODE:
            assert isinstance(value, type(OF_EVERY_NODE[name]))
            continue
        assert name in ROWS[executable], f'{executable} has no parameter {name}'
        row = ROWS[executable][name]
        assert type(value) is type(row.default), f'{name}: {value!r}'
        assert not row.rejection(value, unconfigured=True)
        if row.limits is not None:
            assert row.limits[0] <= value <= row.limits[1]


@pytest.mark.parametrize(('file', 'arguments'), CASES)
def test_nodes_declare_every_parameter_they_are_given(
    launcher: Launcher, file: str, arguments: dict[str, str]
) -> None:
    nodes, _ = launcher.launch(file, **arguments)
    ours = {name: node for name, node in nodes.items() if name in ROWS}
    assert set(ours) == {'restore_node', *(['replay_node'] if file == 'replay.launch.py' else [])}
    for executable, node in ours.items():
        assert node.files
        for path in node.files:
            check(executable, in_file(path))
        check(executable, node.overrides)


@pytest.mark.parametrize(('file', 'arguments'), CASES)
def test_nodes_are_programs_of_their_package(
    root: Path, launcher: Launcher, file: str, arguments: dict[str, str]
) -> None:
    scripts = re.findall(r"'(\w+) = siammcvae_ros\.main:\1'", (root / 'setup.py').read_text())
    nodes, _ = launcher.launch(file, **arguments)
    for executable, node in nodes.items():
        ours = node.named['package'] == 'siammcvae_ros'
        assert executable in scripts if ours else executable == node.named['package']


@pytest.mark.parametrize('file', FULL)
def test_every_argument_has_an_effect(launcher: Launcher, file: str) -> None:
    """Those that can be left out are given; the others, as paths, have defaults."""
    _, context = launcher.launch(file, **FULL[file])
    assert set(FULL[file]) <= set(context.declared)
    assert context.read == set(context.declared)
    assert all(argument.named['description'] for argument in context.declared.values())


def edited(node: Node, folder: Path) -> Path:
    """Write a copy of a node's parameter file."""
    (shipped,) = node.files
    copy = folder / Path(shipped).name
    copy.write_text(Path(shipped).read_text())
    return copy


def test_each_node_gets_its_own_edited_parameter_file(launcher: Launcher, tmp_path: Path) -> None:
    nodes, _ = launcher.launch('replay.launch.py')
    replay, restore = (edited(nodes[name], tmp_path) for name in ('replay_node', 'restore_node'))
    assert (replay.name, restore.name) == ('replay.param.yaml', 'restore.param.yaml')
    nodes, _ = launcher.launch(
        'replay.launch.py', params_file=str(replay), restore_params_file=str(restore)
    )
    assert nodes['replay_node'].files == [str(replay)]
    assert nodes['restore_node'].files == [str(restore)]
    nodes, _ = launcher.launch('restore.launch.py', params_file=str(restore))
    assert nodes['restore_node'].files == [str(restore)]


def test_an_edited_file_with_an_unknown_parameter_is_noticed() -> None:
    with pytest.raises(AssertionError, match='restore_node has no parameter fault_burst'):
        check('restore_node', {'mask_wait': 0.5, 'fault_burst': 2})


@pytest.mark.parametrize(
    ('file', 'arguments', 'said'),
    [
        ('restore.launch.py', {'autostart': 'maybe'}, "autostart: expected true or false, got 'm"),
        ('restore.launch.py', {'processes': 'per_camera'}, 'processes: per_camera needs the cam'),
        (
            'restore.launch.py',
            {'processes': 'per_camera', 'cameras': 'left, /left'},
            "cameras: 'left' given twice",
        ),
        ('restore.launch.py', {'use_sim_time': '2'}, 'use_sim_time: expected true or false'),
        ('restore.launch.py', {'respawn': 'never'}, 'respawn: expected true or false'),
        ('restore.launch.py', {'params_file': 'absent.yaml'}, 'params_file: no such file: absent'),
        ('restore.launch.py', {'fastdds_profile': 'absent.xml'}, 'fastdds_profile: no such file'),
        ('replay.launch.py', {'fault_probability': 'often'}, 'fault_probability: expected a num'),
        ('replay.launch.py', {'fault_probability': '1.5'}, 'fault_probability: expected a number'),
        ('replay.launch.py', {'loop': 'twice'}, 'loop: expected true or false'),
        ('replay.launch.py', {'params_file': 'absent.yaml'}, 'params_file: no such file'),
        (
            'replay.launch.py',
            {'restore_params_file': 'absent.yaml'},
            'restore_params_file: no such file',
        ),
    ],
)
def test_an_argument_that_cannot_be_used_is_named(
    launcher: Launcher, file: str, arguments: dict[str, str], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        launcher.launch(file, **arguments)


def test_a_configuration_that_cannot_work_is_not_started_again(launcher: Launcher) -> None:
    (handler,) = launcher.handlers('restore.launch.py')
    ended = handler.named['on_exit']
    context = LaunchContext({})
    assert ended(SimpleNamespace(returncode=2), context) == []
    (timer,) = ended(SimpleNamespace(returncode=-9), context)
    again = [action for action in timer.named['actions'] if isinstance(action, Node)]
    assert [node.named['executable'] for node in again] == ['restore_node']
    assert ended(SimpleNamespace(returncode=0), LaunchContext({}, is_shutdown=True)) == []
    assert not list(launcher.handlers('restore.launch.py', respawn='false'))


def test_a_process_for_each_camera_has_its_topics_and_starts_again_alone(
    launcher: Launcher,
) -> None:
    handlers = list(
        launcher.handlers(
            'restore.launch.py', cameras='front, /left', namespace='car', processes='per_camera'
        )
    )
    assert len(handlers) == 2
    namespaces = []
    for handler in handlers:
        node = handler.named['target_action']
        node.resolve()
        assert (node.named['name'], node.overrides) == ('restore', {'cameras': ['']})
        check('restore_node', node.overrides)
        (timer,) = handler.named['on_exit'](SimpleNamespace(returncode=-9), LaunchContext({}))
        (again,) = (action for action in timer.named['actions'] if isinstance(action, Node))
        assert again.named['namespace'] == node.named['namespace']
        namespaces.append(node.named['namespace'])
    assert namespaces == ['car/front', 'car/left']
