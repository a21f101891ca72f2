# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Requests that rclpy's own services answer with an exception out of spin, refused instead."""

from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode

ServiceResponse = Callable[[Any, Any], Any]


def guard(node: LifecycleNode) -> None:
    """Guard the services of a node: unknown transitions (rclpy#1209) and types of parameters."""
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
