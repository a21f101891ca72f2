# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps a node alive and its failures visible where rclpy would end it or swallow them."""

from collections.abc import Callable
import functools
import traceback
from typing import Any, Protocol, TypeVar

from rcl_interfaces.msg import SetParametersResult
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from siammcvae_core.errors import InputError

ServiceResponse = Callable[[Any, Any], Any]


class TroubledNode(Protocol):
    """A lifecycle node that remembers in `trouble` why its last transition failed, or ''."""

    trouble: str

    def get_logger(self) -> Any:
        """Return the node's logger."""


AnyNode = TypeVar('AnyNode', bound=TroubledNode)
Transition = Callable[[AnyNode, LifecycleState], TransitionCallbackReturn]


def report_failure(transition: Transition[AnyNode]) -> Transition[AnyNode]:
    """Log an exception out of a transition, which rclpy would swallow, and return FAILURE."""

    @functools.wraps(transition)
    def wrapped(node: AnyNode, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            node.trouble = ''
            return transition(node, state)
        except InputError as error:
            node.trouble = f'{transition.__name__}: {error}'
            node.get_logger().error(node.trouble)
        except Exception as error:
            node.trouble = f'{transition.__name__}: {type(error).__name__}: {error}'
            node.get_logger().error(f'{node.trouble}\n{traceback.format_exc()}')
        return TransitionCallbackReturn.FAILURE

    return wrapped


def spin(executor: SingleThreadedExecutor, report: Callable[[str], None]) -> None:
    """Spin until the context is shut down; an exception in a callback is reported, not raised."""
    while rclpy.ok():
        try:
            executor.spin()
        except (KeyboardInterrupt, ExternalShutdownException):
            return
        except Exception:
            if rclpy.ok():  # else it was shut down just before it began to wait
                report(traceback.format_exc())


def guard_services(node: LifecycleNode) -> None:
    """Refuse requests whose exception would end the spin of rclpy's own services.

    These are unknown transitions (rclpy#1209) and unknown types of parameters.
    """
    report = node.get_logger().error
    for service in node.services:
        name = service.srv_name.rpartition('/')[2]
        if name == 'change_state':
            service.callback = _refusing_transitions(service.callback, report)
        elif name in ('set_parameters', 'set_parameters_atomically'):
            service.callback = _refusing_parameters(service.callback, report)


def _refusing_transitions(change: ServiceResponse, report: Callable[[str], Any]) -> ServiceResponse:
    def answer(request: Any, response: Any) -> Any:
        try:
            return change(request, response)
        except rclpy_implementation.RCLError as error:
            report(f'change_state: {error}')
            response.success = False
            return response

    return answer


def _refusing_parameters(change: ServiceResponse, report: Callable[[str], Any]) -> ServiceResponse:
    def answer(request: Any, response: Any) -> Any:
        try:
            return change(request, response)
        except ValueError as error:
            report(f'set_parameters: {error}')
            refused = SetParametersResult(successful=False, reason=str(error))
            if hasattr(response, 'results'):
                response.results = [refused] * len(request.parameters)
            else:
                response.result = refused
            return response

    return answer
