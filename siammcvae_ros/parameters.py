# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A table of parameters: declares them on a node, describes them and checks new values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import difflib
import re
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, HistoryPolicy, ReliabilityPolicy

from siammcvae_core.errors import InputError

OFF = 'off'
FOREIGN = ('qos_overrides.', 'start_type_description_service')
"""Parameters that rclpy declares later, or other versions of it have."""
QOS_OVERRIDE = re.compile(r'qos_overrides\.(/.+)\.(publisher|subscription)(_\w+)?\.(\w+)')
QOS_POLICIES: dict[str, Any] = {
    'reliability': ReliabilityPolicy,
    'history': HistoryPolicy,
    'durability': DurabilityPolicy,
    'depth': None,
}


@dataclass(frozen=True)
class DeclaredParameter:
    """One parameter of a node.

    `choices` are the only values of a text, `limits` the smallest and the largest value of a
    number. `fixed` parameters change only while the node is unconfigured, `read_only` ones never
    after its start. `check` returns why a value cannot be accepted, '' if it can. `empty` is what
    an empty list means, None if it means nothing: rcl does not know the type of its elements.
    """

    name: str
    default: Any
    description: str
    choices: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None
    fixed: bool = False
    read_only: bool = False
    check: Callable[[Any], str] = lambda value: ''
    empty: Any = None

    def descriptor(self) -> ParameterDescriptor:
        """Describe it for `ros2 param describe` and rqt_reconfigure."""
        constraints = [f'one of: {", ".join(self.choices)}'] if self.choices else []
        if self.fixed:
            constraints.append('changes only while unconfigured')
        descriptor = ParameterDescriptor(
            description=self.description,
            additional_constraints='; '.join(constraints),
            read_only=self.read_only,
            dynamic_typing=OFF in self.choices,  # YAML reads a bare `off` as false
        )
        if self.limits is not None:
            low, high = self.limits
            if isinstance(self.default, float):
                interval = FloatingPointRange(from_value=float(low), to_value=float(high))
                descriptor.floating_point_range = [interval]
            else:
                whole = IntegerRange(from_value=int(low), to_value=int(high), step=1)
                descriptor.integer_range = [whole]
        return descriptor

    def rejection(self, value: Any, unconfigured: bool) -> str:
        """Say why a new value is rejected; '' if it is accepted. Limits are checked by rclpy."""
        if value is None:
            return f'{self.name} has no value, expected one such as {self.default!r}'
        if self.choices and _choice(value) not in self.choices:
            return f"{self.name} is '{value}', expected one of: {', '.join(self.choices)}"
        if reason := self.check(value):
            return reason
        if self.fixed and not unconfigured:
            return f'{self.name} changes only while the node is unconfigured: clean it up first'
        return ''


class ParameterTable:
    """All parameters of a node, in the order in which they are declared."""

    def __init__(self, *rows: DeclaredParameter) -> None:
        self.rows = rows
        self._by_name = {row.name: row for row in rows}

    @property
    def defaults(self) -> dict[str, Any]:
        """The default values by name."""
        return {row.name: row.default for row in self.rows}

    def declare(self, node: Node) -> None:
        """Declare the whole table on a node, overrides applied.

        Raises InputError for an override of a parameter that the node does not have, and for one
        without a value; rclpy's ParameterException for the wrong type or one out of range.
        """
        overrides: dict[str, Parameter] = node._parameter_overrides  # rclpy offers no other way
        for name, override in list(overrides.items()):
            row = self._by_name.get(name)
            if name.startswith(FOREIGN[0]) and (reason := qos_rejection(name, override.value)):
                raise InputError(reason)
            if row is None and not name.startswith(FOREIGN) and not node.has_parameter(name):
                raise InputError(self._unknown(name))
            if row is not None and override.value is None:
                if row.empty is None:
                    raise InputError(row.rejection(None, True))
                overrides[name] = Parameter(name, value=row.empty)
        node.declare_parameters(
            '', [(row.name, row.default, row.descriptor()) for row in self.rows]
        )

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._by_name, 1)
        return f"no parameter '{name}'" + (f"; did you mean '{near[0]}'?" if near else '')

    def value(self, node: Node, name: str) -> Any:
        """Read a parameter of a node; a bare `off` from YAML, which is false, is 'off' again."""
        value = node.get_parameter(name).value
        return _choice(value) if self._by_name[name].choices else value

    def rejection(self, changed: Sequence[Parameter], unconfigured: bool) -> str:
        """Say why new values are rejected; '' if they are accepted.

        Parameters that are not in the table, such as `use_sim_time`, are accepted.
        """
        rows = ((self._by_name.get(parameter.name), parameter.value) for parameter in changed)
        reasons = (row.rejection(value, unconfigured) for row, value in rows if row is not None)
        return next(filter(None, reasons), '')


def qos_rejection(name: str, value: Any) -> str:
    """Say why an override of a QoS policy, which rclpy checks late if at all, cannot be used."""
    parts = QOS_OVERRIDE.fullmatch(name)
    if parts is None or parts[4] not in QOS_POLICIES:
        form = f'/TOPIC.subscription or publisher.{", ".join(QOS_POLICIES)}'
        return f"no parameter '{name}', expected qos_overrides.{form}"
    policies = QOS_POLICIES[parts[4]]
    if policies is None:
        fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
        return '' if fits else f"{name} is '{value}', expected a number of messages"
    choices = [policy.name.lower() for policy in policies if policy.name != 'UNKNOWN']
    known = str(value).lower() in choices
    return '' if known else f"{name} is '{value}', expected one of: {', '.join(choices)}"


def _choice(value: Any) -> Any:
    return OFF if value is False else value
