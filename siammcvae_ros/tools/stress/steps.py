# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a storm is made of: messages to send, calls to make, and the parameters to change."""

from dataclasses import dataclass

from rcl_interfaces.msg import ParameterType, ParameterValue

from siammcvae_ros.tools.stress.shots import Shot

CAMERAS = ('front', 'left')
CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE = 1, 2, 3, 4


@dataclass(frozen=True)
class Send:
    """A message: `topic` below the namespace of `camera`, its number in the storm, stamp in ns."""

    camera: str
    topic: str
    shot: Shot
    stamp: int
    number: int
    frame_id: str
    paced: bool


@dataclass(frozen=True)
class Transition:
    """A lifecycle call by id, or by label."""

    id: int
    label: str = ''


@dataclass(frozen=True)
class Change:
    """A parameter set from outside."""

    name: str
    value: ParameterValue


@dataclass(frozen=True)
class Settle:
    """Wait until all calls are answered and diagnostics have spoken twice."""


Step = Send | Transition | Change | Settle


def real(value: float) -> ParameterValue:
    """Make a parameter value of a number."""
    return ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value)


def text(value: str) -> ParameterValue:
    """Make a parameter value of a string."""
    return ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=value)


GENTLE = {
    'mask_wait': real(5.0),
    'mask_slop': real(0.0),
    'max_hold': real(1.0),
    'max_reference_age': real(1.0),
    'model_budget': real(10.0),
    'missing_mask': text('intact'),
    'on_failure': text('passthrough'),
}
"""Settings under which every valid frame is served."""
USUAL = {
    **GENTLE,
    'mask_wait': real(0.02),
    'max_hold': real(0.05),
    'model_budget': real(0.0),
    'stale_after': real(1.0),
}
"""Settings as by default."""
CHANGES = {
    'mask_wait': [real(v) for v in (0.0, 0.02, 0.1)],
    'mask_slop': [real(v) for v in (0.0, 0.001, 0.02)],
    'max_hold': [real(v) for v in (0.0, 0.05, 0.2)],
    'max_reference_age': [real(v) for v in (0.0, 0.2, 1.0, 60.0)],
    'model_budget': [real(v) for v in (0.0, 0.005, 1.0)],
    'stale_after': [real(v) for v in (0.01, 1.0)],
    'missing_mask': [text(v) for v in ('intact', 'unknown')],
    'on_failure': [text(v) for v in ('passthrough', 'drop')],
}
NONSENSE = [
    *(real(v) for v in (float('nan'), float('inf'), -1.0, 1e300)),
    *(text(v) for v in ('', 'explode', 'x' * 5000)),
    ParameterValue(type=ParameterType.PARAMETER_NOT_SET),
    ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=-(2**63)),
    ParameterValue(type=ParameterType.PARAMETER_STRING_ARRAY, string_array_value=['a', 'a']),
    ParameterValue(type=99),
]
ODD_NAMES = ('cameras', 'weights', 'autostart', 'diagnostics_period', 'no_such', '', 'use_sim_time')
