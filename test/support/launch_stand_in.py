# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stands in for `launch` and `launch_ros`, which no package index has: evaluates launch files.

As in launch, an argument of the command line holds for included files too, unless the include
passes another value, and defaults apply where there is no value yet.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
import importlib.util
from pathlib import Path
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


@dataclass
class LaunchContext:
    """The values of the arguments, which of them are declared, and which were read."""

    values: dict[str, str]
    declared: dict[str, 'DeclareLaunchArgument'] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    is_shutdown: bool = False


class LaunchConfiguration:
    def __init__(self, name: str) -> None:
        self.name = name

    def perform(self, context: LaunchContext) -> str:
        assert self.name in context.declared, f'{self.name} is read, but not declared'
        context.read.add(self.name)
        return context.values[self.name]


ACTIONS = (
    'LogInfo', 'RegisterEventHandler', 'SetEnvironmentVariable', 'Shutdown', 'TimerAction',
)  # fmt: skip


class Entity:
    """An action, its arguments kept as attributes."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        self.positional = positional
        self.named = named


class LaunchDescription(Entity):
    pass


class DeclareLaunchArgument(Entity):
    pass


class IncludeLaunchDescription(Entity):
    pass


class OpaqueFunction(Entity):
    pass


class Node(Entity):
    """A node to be started; `files` and `overrides` are its parameters."""

    files: list[str]
    overrides: dict[str, Any]

    def resolve(self) -> None:
        """Sort the parameters into files and values."""
        given = self.named.get('parameters', [])
        self.files = [item for item in given if not isinstance(item, dict)]
        self.overrides = {
            name: value
            for item in given if isinstance(item, dict) for name, value in item.items()
        }  # fmt: skip


def _modules(share: Path, log: Path) -> dict[str, dict[str, Any]]:
    def prefix(package: str) -> str:
        return f'/opt/{package}'

    return {
        'launch': {
            'LaunchContext': LaunchContext,
            'LaunchDescription': LaunchDescription,
            'LaunchDescriptionEntity': Entity,
        },
        'launch.actions': {
            'DeclareLaunchArgument': DeclareLaunchArgument,
            'IncludeLaunchDescription': IncludeLaunchDescription,
            'OpaqueFunction': OpaqueFunction,
            **dict.fromkeys(ACTIONS, Entity),
        },
        'launch.event_handlers': {'OnProcessExit': Entity},
        'launch.events': {},
        'launch.events.process': {'ProcessExited': SimpleNamespace},
        'launch.launch_description_sources': {'PythonLaunchDescriptionSource': str},
        'launch.logging': {'launch_config': SimpleNamespace(log_dir=str(log))},
        'launch.substitutions': {'LaunchConfiguration': LaunchConfiguration},
        'launch_ros': {},
        'launch_ros.actions': {'Node': Node, 'LifecycleNode': Node},
        'ament_index_python': {},
        'ament_index_python.packages': {
            'get_package_prefix': prefix,
            'get_package_share_directory': lambda package: str(share),
            'get_packages_with_prefixes': lambda: {'rviz2': prefix('rviz2')},
        },
    }


class Launcher:
    """Evaluates launch files of a folder that has `launch/` and `config/`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, share: Path, log: Path) -> None:
        self._share = share
        for name, contents in _modules(share, log).items():
            module = ModuleType(name)
            vars(module).update(contents)
            monkeypatch.setitem(sys.modules, name, module)

    def launch(self, file: str, **arguments: str) -> tuple[dict[str, Node], LaunchContext]:
        """Return the nodes that a launch file starts, by executable, and the arguments."""
        context = LaunchContext(arguments)
        nodes = list(self._evaluate(self._description(self._share / 'launch' / file), context))
        return {node.named['executable']: node for node in nodes}, context

    def handlers(self, file: str, **arguments: str) -> list[Entity]:
        """Return what a launch file does when a process ends."""
        context = LaunchContext(arguments)
        description = self._description(self._share / 'launch' / file)
        list(self._evaluate(description, context))
        (function,) = (e for e in description.positional[0] if isinstance(e, OpaqueFunction))
        actions = function.named['function'](context)
        first = (action.positional[0] for action in actions if action.positional)
        return [handler for handler in first if isinstance(handler, Entity)]

    def _description(self, path: Path) -> LaunchDescription:
        spec = importlib.util.spec_from_file_location('launch_file', path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.generate_launch_description()

    def _evaluate(self, description: LaunchDescription, context: LaunchContext) -> Iterator[Node]:
        for entity in description.positional[0]:
            yield from self._visit(entity, context)

    def _visit(self, entity: Entity, context: LaunchContext) -> Iterator[Node]:
        if isinstance(entity, DeclareLaunchArgument):
            (name,) = entity.positional
            context.declared[name] = entity
            value = context.values.setdefault(name, entity.named['default_value'])
            choices = entity.named['choices'] if entity.named.get('choices') else [value]
            assert value in choices, f'{name} is {value}, expected one of {choices}'
        elif isinstance(entity, OpaqueFunction):
            for action in entity.named['function'](context):
                yield from self._visit(action, context)
        elif isinstance(entity, IncludeLaunchDescription):
            passed = dict(entity.named['launch_arguments'])
            context.values.update(passed)
            inner = LaunchContext(context.values)
            yield from self._evaluate(self._description(Path(entity.positional[0])), inner)
            assert set(passed) <= set(inner.declared), 'passed to a file that does not declare them'
        elif isinstance(entity, Node):
            entity.resolve()
            yield entity
