# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs one node as a process: exit statuses, and an end without a traceback at any time."""

from collections.abc import Callable, Sequence
from itertools import pairwise
import os
from pathlib import Path
import re
import signal
import sys
from typing import Any, NoReturn, Protocol, TypeVar

import rclpy
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    NameValidationException,
    ParameterException,
)
from rclpy.executors import ExternalShutdownException
from rclpy.signals import (
    install_signal_handlers,
    SignalHandlerOptions,
    uninstall_signal_handlers,
)

from siammcvae_core.errors import InputError
from siammcvae_core.files import temporary_folder


class NamedNode(Protocol):
    """What a process needs of its node."""

    def get_fully_qualified_name(self) -> str:
        """Return its name with its namespace."""

    def get_logger(self) -> Any:
        """Return its logger."""


AnyNode = TypeVar('AnyNode', bound=NamedNode)
SIGNALS = (signal.SIGINT, signal.SIGTERM)
USER_ERRORS = (
    InputError,
    InvalidParameterTypeException,
    InvalidParameterValueException,
    NameValidationException,
    ParameterException,
)
UNUSABLE = 2
"""Exit status of a configuration that cannot work: starting the node again does not help."""


def run(
    name: str, args: list[str] | None, build: Callable[[], AnyNode], serve: Callable[[AnyNode], Any]
) -> int:
    """Build a node and let it serve; returns the exit status.

    That is 0, also when SIGINT or SIGTERM ended it. For arguments, parameters or a source that
    cannot be used the process ends with UNUSABLE and one line on stderr. Until `serve` begins a
    signal ends the process at once, whatever it loads; then rclpy's handlers shut the context down,
    and nothing else interrupts `serve`.
    """
    came: list[int] = []
    try:
        for number in SIGNALS:
            signal.signal(number, _interrupt)
        _choose_log_folder(name)
        _initialise(args)
        node = build()
        for text in unused_files(sys.argv if args is None else args, node):
            node.get_logger().warning(text)
        for number in SIGNALS:
            signal.signal(number, lambda number, frame: came.append(number))
        install_signal_handlers(SignalHandlerOptions.ALL)
        try:
            if came:
                raise ExternalShutdownException
            serve(node)
        except Exception:
            if came:  # the context was shut down under its hands
                _leave()
            raise
    except USER_ERRORS as error:
        print(f'{name}: {" ".join(str(error).split())}', file=sys.stderr)
        _leave(UNUSABLE)
    except ExternalShutdownException:
        pass
    except KeyboardInterrupt:
        _leave()
    finally:
        rclpy.try_shutdown()
        uninstall_signal_handlers()
    return 0


def _initialise(args: list[str] | None) -> None:
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # arguments rcl cannot parse
        raise InputError(str(error)) from None


def unused_files(args: Sequence[str], node: NamedNode) -> list[str]:
    """Name the parameter files of which no section is for this node: ROS ignores them silently."""
    name = node.get_fully_qualified_name().strip('/')
    texts = []
    for flag, file in pairwise(args):
        if flag != '--params-file' or not Path(file).is_file():
            continue
        lines = Path(file).read_text(errors='replace')
        found = re.findall(r'^["\']?([\w/*][\w/*.]*)["\']?:(?:\s|$)', lines, re.MULTILINE)
        # A section may name the node, or nest in those of its namespaces.
        if found and not any('*' in key or _begins(name, key.strip('/')) for key in found):
            sections = ', '.join(dict.fromkeys(found))
            texts.append(f'{file} has no parameters of /{name}, only of: {sections}')
    return texts


def _begins(name: str, key: str) -> bool:
    return f'{name}/'.startswith(f'{key}/')


def _leave(status: int = 0) -> NoReturn:
    """End the process at once: a node half built, or whose threads run, would abort it."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    rclpy.try_shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _choose_log_folder(name: str) -> None:
    """Log to temporary files where there is no home to write to: rcl would not start."""
    if any(os.environ.get(variable) for variable in ('ROS_HOME', 'ROS_LOG_DIR')):
        return
    home = os.environ.get('HOME')
    if home:
        # rcl makes the missing folders: the lowest that is there has to be writable.
        folder = Path(home).absolute() / '.ros' / 'log'
        present = next(p for p in (folder, *folder.parents) if os.path.exists(p))
        if present.is_dir() and os.access(present, os.W_OK | os.X_OK):
            return
    os.environ['ROS_HOME'] = str(temporary_folder())
    print(f'{name}: no home to write to, logs are in {os.environ["ROS_HOME"]}', file=sys.stderr)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
