# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""States and parameters of the restore node, in a process of its own."""

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
import pytest
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.parameter import Parameter
from support.stream import NOTHING, Stream
import yaml


@pytest.fixture
def lifecycle(probe):
    def change(transition, name='/restore'):
        request = ChangeState.Request(transition=Transition(id=transition))
        return probe.call(ChangeState, f'{name}/change_state', request).success

    def state(name='/restore'):
        return probe.call(GetState, f'{name}/get_state', GetState.Request()).current_state.id

    change.state = state
    return change


def test_lifecycle(start, probe, wait_until, settings, lifecycle):
    start('restore_node', **settings, autostart='false')
    assert lifecycle.state() == State.PRIMARY_STATE_UNCONFIGURED
    assert lifecycle(Transition.TRANSITION_CONFIGURE)
    stream = Stream(probe, wait_until).connect()
    stream.send(0)
    stream.flush()
    assert lifecycle(Transition.TRANSITION_ACTIVATE)
    stream.serve(1, mask=NOTHING)
    stream.wait_for_status(received=1)
    assert lifecycle(Transition.TRANSITION_DEACTIVATE)
    assert lifecycle.state() == State.PRIMARY_STATE_INACTIVE
    stream.send(2)
    stream.flush()
    assert lifecycle(Transition.TRANSITION_ACTIVATE)
    stream.serve(3, mask=NOTHING)
    stream.wait_for_status(received=2)
    assert lifecycle(Transition.TRANSITION_DEACTIVATE)
    assert lifecycle(Transition.TRANSITION_CLEANUP)
    wait_until(lambda: not stream.images.get_subscription_count(), 'the topics to be given back')
    assert not lifecycle(Transition.TRANSITION_ACTIVATE)
    assert lifecycle(Transition.TRANSITION_CONFIGURE)
    assert lifecycle(Transition.TRANSITION_ACTIVATE)
    stream.connect()
    stream.serve(4, mask=NOTHING)
    assert lifecycle(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert lifecycle.state() == State.PRIMARY_STATE_FINALIZED


def test_bad_weights_path_fails_to_configure_and_the_node_lives(
    start, probe, wait_until, settings, lifecycle
):
    node = start('restore_node', **{**settings, 'weights': '/no/such/drive.safetensors'})
    stream = Stream(probe, wait_until)
    wait_until(lambda: '/no/such/drive.safetensors' in node.text, 'the path in the log')
    assert lifecycle.state() == State.PRIMARY_STATE_UNCONFIGURED
    stream.wait_until(
        lambda: any(
            '/no/such/drive.safetensors' in status.message
            for array in stream.diagnostics
            for status in array.status
        ),
        'the path in the diagnostics',
    )
    assert not lifecycle(Transition.TRANSITION_CONFIGURE)
    fixed = Parameter('weights', value='').to_parameter_msg()
    request = SetParameters.Request(parameters=[fixed])
    assert probe.call(SetParameters, '/restore/set_parameters', request).results[0].successful
    assert lifecycle(Transition.TRANSITION_CONFIGURE)
    assert lifecycle(Transition.TRANSITION_ACTIVATE)
    stream.connect()
    stream.serve(0, mask=NOTHING)
    assert node.alive


def test_other_weights_than_asked_for_are_refused(start, probe, settings, lifecycle, wait_until):
    node = start('restore_node', **settings, weights_sha256='00ff')
    wait_until(
        lambda: 'weights_sha256: expected 00ff, got no model' in node.text, 'the reason in the log'
    )
    assert lifecycle.state() == State.PRIMARY_STATE_UNCONFIGURED
    assert node.alive


def own_parameters(probe):
    names = probe.ask(ListParameters, '/restore/list_parameters', ListParameters.Request())
    names = sorted(n for n in names.result.names if not n.startswith(('start_type', 'use_sim')))
    values = probe.ask(
        GetParameters, '/restore/get_parameters', GetParameters.Request(names=names)
    ).values
    messages = (ParameterMsg(name=n, value=v) for n, v in zip(names, values, strict=True))
    return {msg.name: Parameter.from_parameter_msg(msg).value for msg in messages}


def test_parameters_dumped_and_loaded_are_unchanged(start, probe, settings, tmp_path, lifecycle):
    first = start('restore_node', **settings, mask_slop=0.004, missing_mask='unknown')
    dumped = own_parameters(probe)
    assert dumped['mask_slop'] == 0.004
    first.end()
    file = tmp_path / 'dump.yaml'
    file.write_text(yaml.safe_dump({'/restore': {'ros__parameters': dumped}}))
    start('restore_node', '--params-file', str(file))
    assert own_parameters(probe) == dumped


def test_parameters_are_described_and_checked(start, probe, settings, lifecycle):
    start('restore_node', **settings)
    names = ['mask_wait', 'on_failure', 'weights', 'cameras', 'max_reference_age']
    described = probe.call(
        DescribeParameters,
        '/restore/describe_parameters',
        DescribeParameters.Request(names=names),
    ).descriptors
    assert all(d.description for d in described)
    assert described[0].floating_point_range[0].to_value == 10.0
    assert described[3].type == ParameterType.PARAMETER_STRING_ARRAY

    def refused(name, value):
        message = Parameter(name, value=value).to_parameter_msg()
        request = SetParameters.Request(parameters=[message])
        result = probe.call(SetParameters, '/restore/set_parameters', request).results[0]
        return '' if result.successful else result.reason

    lifecycle.state()
    assert 'passthrough, drop' in refused('on_failure', 'explode')
    assert 'unconfigured' in refused('weights', 'other.safetensors')
    assert refused('mask_wait', -1.0)
    assert refused('mask_wait', 'soon')
    assert refused('autostart', False)
    assert refused('mask_wait', 0.5) == ''


def test_a_parameter_of_no_known_type_is_refused(start, probe, settings, lifecycle):
    node = start('restore_node', **settings)
    lifecycle.state()
    broken = ParameterMsg(name='mask_wait', value=ParameterValue(type=99))
    request = SetParameters.Request(parameters=[broken, broken])
    results = probe.call(SetParameters, '/restore/set_parameters', request).results
    assert [result.successful for result in results] == [False, False]
    assert '99' in results[0].reason
    assert node.alive


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('on_failure', 'explode'),
        ('mask_wait', '-3.0'),
        ('mask_wait', 'soon'),
        ('cameras', '[front, front]'),
        ('cameras', "['front camera']"),
    ],
)
def test_bad_parameter_at_start_is_one_line_and_status_2(start, settings, name, value):
    node = start('restore_node', **{**settings, name: value})
    assert node.finish() == 2
    assert name in node.text
    assert len(node.text.strip().splitlines()) == 1
