# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Actions of the stress test: messages to send, services to call, parameters to set."""

from dataclasses import dataclass

from rcl_interfaces.msg import ParameterType, ParameterValue

from siammcvae_ros.tools.stress.messages import MessageTemplate

CAMERAS = ('front', 'left')
CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE = 1, 2, 3, 4


@dataclass(frozen=True)
class SendMessage:
    """Publish a message on `topic` of `camera`.

    `stamp` is in nanoseconds; `number` counts messages from 1; `paced` ones keep to the rate.
    """

    camera: str
    topic: str
    template: MessageTemplate
    stamp: int
    number: int
    frame_id: str
    paced: bool


@dataclass(frozen=True)
class LifecycleCall:
    """Ask for a lifecycle transition, by id or by label."""

    id: int
    label: str = ''


@dataclass(frozen=True)
class SetParameter:
    """Set a parameter of the node."""

    name: str
    value: ParameterValue


@dataclass(frozen=True)
class WaitForIdle:
    """Wait until all calls are answered and two diagnostics messages have arrived."""


Action = SendMessage | LifecycleCall | SetParameter | WaitForIdle


def double_value(value: float) -> ParameterValue:
    """Wrap a number as a parameter value."""
    return ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value)


def string_value(value: str) -> ParameterValue:
    """Wrap a string as a parameter value."""
    return ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=value)


PATIENT_PARAMETERS = {
    'mask_wait': double_value(5.0),
    'mask_slop': double_value(0.0),
    'max_hold': double_value(1.0),
    'max_reference_age': double_value(60.0),
    'model_budget': double_value(10.0),
    'missing_mask': string_value('intact'),
    'on_failure': string_value('passthrough'),
}
"""Under these, every valid frame is restored or passed on."""
USUAL_PARAMETERS = {
    **PATIENT_PARAMETERS,
    'mask_wait': double_value(0.02),
    'max_hold': double_value(0.05),
    'max_reference_age': double_value(1.0),
    'model_budget': double_value(0.0),
    'stale_after': double_value(1.0),
}
"""As the defaults of the node."""
VALID_VALUES = {
    'mask_wait': [double_value(v) for v in (0.0, 0.02, 0.1)],
    'mask_slop': [double_value(v) for v in (0.0, 0.001, 0.02)],
    'max_hold': [double_value(v) for v in (0.0, 0.05, 0.2)],
    'max_reference_age': [double_value(v) for v in (0.0, 0.2, 1.0, 60.0)],
    'model_budget': [double_value(v) for v in (0.0, 0.005, 1.0)],
    'stale_after': [double_value(v) for v in (0.01, 1.0)],
    'missing_mask': [string_value(v) for v in ('intact', 'unknown')],
    'on_failure': [string_value(v) for v in ('passthrough', 'drop')],
}
INVALID_VALUES = [
    *(double_value(v) for v in (float('nan'), float('inf'), -1.0, 1e300)),
    *(string_value(v) for v in ('', 'explode', 'x' * 5000)),
    ParameterValue(type=ParameterType.PARAMETER_NOT_SET),
    ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=-(2**63)),
    ParameterValue(type=ParameterType.PARAMETER_STRING_ARRAY, string_array_value=['a', 'a']),
    ParameterValue(type=99),
]
READ_ONLY_OR_UNKNOWN = (
    'cameras',
    'weights',
    'autostart',
    'diagnostics_period',
    'no_such',
    '',
    'use_sim_time',
)
