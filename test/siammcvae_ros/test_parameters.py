# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tables of parameters: descriptors, values and which new values are rejected."""

from types import SimpleNamespace

import pytest
from rclpy.parameter import Parameter

from siammcvae_ros.parameters import DeclaredParameter, ParameterTable, qos_rejection
from siammcvae_ros.replay_parameters import PARAMETERS as REPLAY
from siammcvae_ros.restore_parameters import PARAMETERS as RESTORE

TABLES = {'restore': RESTORE, 'replay': REPLAY}


def rejection(name, value, unconfigured=True):
    return RESTORE.rejection([Parameter(name, value=value)], unconfigured)


@pytest.mark.parametrize('table', TABLES)
def test_every_default_is_a_value_that_is_accepted(table):
    for row in TABLES[table].rows:
        assert not row.rejection(row.default, unconfigured=True)
        assert row.description
        if row.limits is not None:
            assert row.limits[0] <= row.default <= row.limits[1]


def test_limits_and_constraints_are_in_the_descriptor():
    whole = DeclaredParameter('workers', 1, 'How many.', limits=(0, 64), fixed=True).descriptor()
    (interval,) = whole.integer_range
    assert (interval.from_value, interval.to_value, interval.step) == (0, 64, 1)
    assert not whole.floating_point_range
    assert whole.additional_constraints == 'changes only while unconfigured'
    real = DeclaredParameter('rate', 1.0, 'Speed.', limits=(0.5, 2), read_only=True).descriptor()
    (interval,) = real.floating_point_range
    assert (interval.from_value, interval.to_value) == (0.5, 2.0)
    assert real.read_only
    mode = DeclaredParameter('mode', 'off', '', choices=('off', 'on'), fixed=True).descriptor()
    assert mode.additional_constraints == 'one of: off, on; changes only while unconfigured'
    assert mode.dynamic_typing


@pytest.mark.parametrize(
    ('value', 'expected'), [(False, ''), ('only', ''), ('on', 'expected one of: off, assist, only')]
)
def test_a_bare_off_is_a_choice_and_unknown_choices_are_rejected(value, expected):
    assert expected in rejection('detector', value)
    assert bool(rejection('detector', value)) == bool(expected)


def test_false_is_off_only_where_there_are_choices():
    table = ParameterTable(
        DeclaredParameter('mode', 'off', '', choices=('off', 'on')),
        DeclaredParameter('loop', True, ''),
    )
    node = SimpleNamespace(get_parameter=lambda name: Parameter(name, value=False))
    assert table.value(node, 'mode') == 'off'
    assert table.value(node, 'loop') is False


@pytest.mark.parametrize(
    ('cameras', 'expected'),
    [(['front', '/car/left', ''], ''), (['a', 'a'], 'twice'), (['a b'], "'a b' is no namespace")],
)
def test_cameras_are_namespaces_each_once(cameras, expected):
    assert expected in rejection('cameras', cameras)
    assert bool(rejection('cameras', cameras)) == bool(expected)


def test_fixed_parameters_change_only_while_unconfigured():
    assert not rejection('weights', 'none', unconfigured=True)
    assert 'clean it up first' in rejection('weights', 'none', unconfigured=False)
    assert not rejection('mask_wait', 0.5, unconfigured=False)


def test_parameters_of_others_are_accepted():
    assert not rejection('use_sim_time', True, unconfigured=False)


@pytest.mark.parametrize(
    ('name', 'value', 'accepted'),
    [
        ('/front/image_raw.subscription.reliability', 'reliable', True),
        ('/front/image_raw.publisher_left.durability', 'Transient_Local', True),
        ('/x.subscription.depth', 0, True),
        ('/x.subscription.depth', -1, False),
        ('/x.subscription.depth', True, False),
        ('/x.subscription.depth', '1', False),
        ('/x.subscription.reliabilty', 'reliable', False),
        ('/x.subscription.history', 'unknown', False),
        ('/x.subscription.history', False, False),
        ('x.subscription.history', 'keep_all', False),
        ('/x.subscriber.history', 'keep_all', False),
    ],
)
def test_overrides_of_qos_are_checked(name, value, accepted):
    reason = qos_rejection(f'qos_overrides.{name}', value)
    assert (not reason) == accepted
    assert accepted or name in reason
