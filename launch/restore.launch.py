# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Restore one camera or several: `ros2 launch siammcvae_ros restore.launch.py`.

In one process, or with `processes:=per_camera` in one for each.
"""

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
    TimerAction,
)
from launch.event_handlers import OnProcessExit
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode

from siammcvae_ros.launch_arguments import existing_file, parse_bool, split_cameras

CONFIG = Path(get_package_share_directory('siammcvae_ros')) / 'config'
RESPAWN_DELAY = 0.2  # seconds
UNUSABLE = 2  # exit status of a configuration with which no new start helps
LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal']
PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')


def profile_variable() -> str:
    """Name the variable Fast DDS reads its profile from; version 3 came with Kilted."""
    fast_dds_2 = os.environ.get('ROS_DISTRO') in ('humble', 'iron', 'jazzy')
    return PROFILE_VARIABLES[0 if fast_dds_2 else 1]


def actions(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Build the nodes from the arguments; an empty one leaves the parameter file in force."""

    def given(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    overrides: dict = {
        name: parse_bool(name, given(name))
        for name in ('use_sim_time', 'autostart')
        if given(name)
    }
    cameras = [camera.strip().strip('/') for camera in given('cameras').split(',')]
    # Each node as (namespace, parameters); a camera's topics have the same names either way.
    nodes = [(given('namespace'), {'cameras': cameras} if any(cameras) else {})]
    if given('processes') == 'per_camera':
        nodes = [
            ('/'.join(filter(None, (given('namespace').rstrip('/'), camera))), {'cameras': ['']})
            for camera in split_cameras(cameras)
        ]
    respawn = parse_bool('respawn', given('respawn'))
    params_file = existing_file('params_file', given('params_file'))

    def start(namespace: str, parameters: dict) -> list[LaunchDescriptionEntity]:
        node = LifecycleNode(
            package='siammcvae_ros',
            executable='restore_node',
            name='restore',
            namespace=namespace,
            parameters=[params_file, {**overrides, **parameters}],
            arguments=['--ros-args', '--log-level', given('log_level')],
            output='screen',
            emulate_tty=True,
        )

        def start_again(
            event: ProcessExited, context: LaunchContext
        ) -> list[LaunchDescriptionEntity]:
            if event.returncode == UNUSABLE or context.is_shutdown:
                return []
            return [TimerAction(period=RESPAWN_DELAY, actions=start(namespace, parameters))]

        ended = OnProcessExit(target_action=node, on_exit=start_again)
        return [RegisterEventHandler(ended), node] if respawn else [node]

    started = [action for node in nodes for action in start(*node)]

    chosen_by_user = any(os.environ.get(variable) for variable in PROFILE_VARIABLES)
    if chosen_by_user or given('fastdds_profile') == 'none':
        return started
    profile = existing_file('fastdds_profile', given('fastdds_profile'))
    return [SetEnvironmentVariable(profile_variable(), profile), *started]


def generate_launch_description() -> LaunchDescription:
    """Describe the arguments and the nodes."""

    def argument(
        name: str, default: object, description: str, choices: list[str] | None = None
    ) -> DeclareLaunchArgument:
        return DeclareLaunchArgument(
            name, default_value=str(default), description=description, choices=choices
        )

    return LaunchDescription([
        argument('cameras', '', 'Camera namespaces, comma separated; empty: as in params_file.'),
        argument('namespace', '', 'Namespace of the node, in front of the camera namespaces.'),
        argument(
            'processes',
            'one',
            'one: a process serves all cameras; per_camera: each has its own, and fails alone.',
            ['one', 'per_camera'],
        ),
        argument('params_file', CONFIG / 'restore.param.yaml', 'Parameters of the node.'),
        argument('use_sim_time', '', 'Take the time from /clock; empty: as in params_file.'),
        argument('autostart', '', 'Configure and activate at start; empty: as in params_file.'),
        argument(
            'respawn',
            'true',
            'Start the node again when it ends, unless its configuration cannot work.',
        ),
        argument('log_level', 'info', 'How much the node logs.', LOG_LEVELS),
        argument(
            'fastdds_profile',
            CONFIG / 'fastdds_large_images.xml',
            'Fast DDS profile, unless the environment names one already; none: no profile.',
        ),
        OpaqueFunction(function=actions),
    ])
