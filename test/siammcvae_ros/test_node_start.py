# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a node's start refuses in one line, and signals while it starts."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from siammcvae_ros.bridge.node_process import unused_files


def start(module, domain, *arguments):
    return subprocess.Popen(
        [sys.executable, '-m', f'siammcvae_ros.{module}', '--ros-args', *arguments],
        env={**os.environ, 'ROS_DOMAIN_ID': str(domain)},
        stderr=subprocess.PIPE,
        text=True,
    )


def parameter_file(tmp_path, node, **values):
    lines = [f'    {name}: {value}' for name, value in values.items()]
    path = tmp_path / f'{node}.yaml'
    path.write_text('\n'.join([f'{node}:', '  ros__parameters:', *lines, '']))
    return '--params-file', str(path)


@pytest.mark.parametrize(
    ('module', 'values', 'said'),
    [
        ('restore_node', {'cameras': '[]'}, 'cameras has no value'),
        ('restore_node', {'cameras': '[front, front]'}, 'names a camera twice'),
        ('restore_node', {'cameras': '[front, 1]'}, 'Sequence should be of same type'),
        ('restore_node', {'cameras': '[1, 2]'}, 'cameras'),
        ('restore_node', {'mask_wiat': 0.1}, "no parameter 'mask_wiat'; did you mean 'mask_wait'?"),
        ('restore_node', {'mask_mode': 'sometimes'}, 'expected one of: per_frame'),
        (
            'restore_node',
            {'qos_overrides./image_raw.subscription.reliability': 'perhaps'},
            "reliability is 'perhaps', expected one of: system_default, reliable",
        ),
        ('replay_node', {'qos_overrides./image_raw.publisher.depth': -1}, "depth is '-1'"),
        ('replay_node', {'qos_overrides./image_raw.publisher.dept': 1}, 'no parameter'),
        ('replay_node', {'faults': '[front, 1]'}, 'Sequence should be of same type'),
        ('replay_node', {'faults': '[1.5]'}, 'faults'),
        ('replay_node', {'fault_probabilty': 1.0}, "did you mean 'fault_probability'?"),
        ('replay_node', {'source': 'absent.mp4'}, 'no such file or folder: absent.mp4'),
    ],
)
def test_a_configuration_that_cannot_work_is_one_line_and_status_2(
    module, values, said, domain, tmp_path
):
    node = module.removesuffix('_node')
    process = start(
        module,
        domain,
        *parameter_file(tmp_path, node, weights='none', **values)
        if module == 'restore_node'
        else parameter_file(tmp_path, node, **values),
    )
    _, text = process.communicate()
    assert process.returncode == 2, text
    assert 'Traceback' not in text
    assert said in text.splitlines()[-1]


def test_a_parameter_file_that_does_not_exist_is_named(domain):
    process = start('replay_node', domain, '--params-file', 'absent.yaml')
    _, text = process.communicate()
    assert process.returncode == 2
    assert 'Traceback' not in text
    assert 'absent.yaml' in text


def test_no_faults_may_be_an_empty_list(domain, tmp_path):
    arguments = parameter_file(tmp_path, 'replay', faults='[]', frames=2, source='sim')
    process = start('replay_node', domain, *arguments)
    _, text = process.communicate()
    assert process.returncode == 0, text
    assert '2 frames' in text


@pytest.mark.parametrize('home', [None, '', '{file}/home'])
def test_a_node_needs_no_home(domain, tmp_path, monkeypatch, home):
    (tmp_path / 'file').touch()  # no folder can be made below it
    for name in ('HOME', 'ROS_HOME', 'ROS_LOG_DIR', 'XDG_CACHE_HOME'):
        monkeypatch.delenv(name, raising=False)
    if home is not None:
        monkeypatch.setenv('HOME', home.format(file=tmp_path / 'file'))
    process = start('replay_node', domain, '-p', 'frames:=2')
    _, text = process.communicate()
    assert process.returncode == 0, text
    assert text.count('no home to write to') == 1


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('module', ['restore_node', 'replay_node'])
def test_a_signal_ends_a_node_without_a_traceback(module, number, domain, wait_until):
    """It comes as soon as rclpy is loaded: while parameters are declared, a model is loaded."""
    process = start(module, domain)

    def started():
        with open(f'/proc/{process.pid}/maps') as maps:
            return 'librcl.so' in maps.read() and handles(process.pid, number)

    wait_until(started, 'the start')
    process.send_signal(number)
    _, text = process.communicate()
    assert process.returncode == 0, text
    assert 'Traceback' not in text


def handles(pid, number):
    """Tell whether a process has a handler for both signals: before, they have their default."""
    with open(f'/proc/{pid}/status') as status:
        caught = next(line for line in status if line.startswith('SigCgt')).split()[1]
    both = (1 << (signal.SIGINT - 1)) | (1 << (signal.SIGTERM - 1))
    return int(caught, 16) & both == both


@pytest.mark.parametrize('module', ['restore_node', 'replay_node'])
def test_ctrl_c_while_the_first_packages_load_is_quiet(module, domain, wait_until):
    process = start(module, domain)

    def loading():
        with open(f'/proc/{process.pid}/maps') as maps:
            return '_multiarray_umath' in maps.read()

    wait_until(loading, 'NumPy')
    process.send_signal(signal.SIGINT)
    _, text = process.communicate()
    assert 'Traceback' not in text


INTERRUPTED = """
import os, signal, sys
from siammcvae_ros.bridge.node_process import run

class Node:
    get_fully_qualified_name = lambda self: '/node'

def serve(node):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        os.kill(os.getpid(), number)
    print('went on')
    raise RuntimeError('the context is shut down')

sys.exit(run('node', [], Node, serve))
"""


def test_signals_interrupt_nothing_while_a_node_serves():
    """Else they would interrupt its end, and threads that go on would abort the process."""
    done = subprocess.run([sys.executable, '-c', INTERRUPTED], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, 'went on\n', '')


@pytest.mark.parametrize(
    ('text', 'only'),
    [
        ('restore_node:\n  ros__parameters:\n    max_hold: 0.2\n', 'restore_node'),
        ('# mine\n/other/restore:\n  ros__parameters:\nfront:\n  a:\n', '/other/restore, front'),
        ('restore:\n  ros__parameters:\n', 'restore'),
        ('/car/restore:\n  ros__parameters:\n', None),
        ('"/car/restore":\n  ros__parameters:\nother:\n', None),
        ('car:\n  restore:\n    ros__parameters:\n', None),
        ('/**:\n  ros__parameters:\n', None),
        ('/*/restore:\n  ros__parameters:\n', None),
        ('{"restore": {"ros__parameters": {}}}', None),
        ('', None),
    ],
)
def test_a_parameter_file_for_other_nodes_is_named(tmp_path, text, only):
    file = tmp_path / 'mine.yaml'
    file.write_text(text)
    node = SimpleNamespace(get_fully_qualified_name=lambda: '/car/restore')
    said = unused_files(['node', '--ros-args', '--params-file', str(file)], node)
    assert said == ([f'{file} has no parameters of /car/restore, only of: {only}'] if only else [])


def test_two_names_of_one_camera_are_named(domain):
    cameras = ('-p', 'cameras:=[front, /front]', '-p', 'weights:=none')
    process = start('restore_node', domain, *cameras)
    said = next(line for line in process.stderr if 'on_configure' in line or 'serving' in line)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert "'front' and '/front' are both /front/image_raw" in said
