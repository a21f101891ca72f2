# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Replay a drive with faults, restore it and show it: `ros2 launch siammcvae_ros replay.launch.py`.

Damaged and restored frames are shown side by side, below them the restored pixels and their
uncertainty.
"""

import os
from pathlib import Path
import re

from ament_index_python.packages import (
    get_package_prefix,
    get_package_share_directory,
    get_packages_with_prefixes,
)
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueFunction,
    Shutdown,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.logging import launch_config
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from siammcvae_ros.launch_arguments import existing_file, parse_bool, parse_share

SHARE = Path(get_package_share_directory('siammcvae_ros'))


def layout(name: str, camera: str) -> str:
    """Return the path of a viewer's configuration, rewritten if the camera is not `front`."""
    path = SHARE / 'config' / name
    if camera != 'front':
        names = {
            '/front/': f'/{camera}/' if camera else '/',
            'front/restore': f'{camera}/restore' if camera else 'restore',
            'front': camera or 'restore',
        }
        text = re.sub('|'.join(names), lambda found: names[found[0]], path.read_text())
        path = Path(launch_config.log_dir) / name
        path.write_text(text)
    return str(path)


def viewer(view: str, camera: str) -> list[LaunchDescriptionEntity]:
    """Build the viewer's actions; none for `none`.

    Raises PackageNotFoundError here: once the nodes run, launch would leave them behind.
    """
    if view == 'rviz':
        get_package_prefix('rviz2')
        return [
            Node(
                package='rviz2',
                executable='rviz2',
                arguments=['-d', layout('restore.rviz', camera)],
                output='screen',
                on_exit=Shutdown(reason='RViz ended'),
            )
        ]
    if view == 'foxglove':
        get_package_prefix('foxglove_bridge')
        steps = (
            'In Foxglove: Open connection > ws://localhost:8765, then Layout > Import from file > '
            f'{layout("foxglove_layout.json", camera)}. The drive begins when the layout is open.'
        )
        bridge = Node(package='foxglove_bridge', executable='foxglove_bridge', output='screen')
        return [bridge, LogInfo(msg=steps)]
    return []


def actions(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Build the nodes from the arguments; an empty one leaves the parameter file in force."""

    def given(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    view = given('view')
    note: list[LaunchDescriptionEntity] = []
    if view == 'auto':
        screen = os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')
        view = 'rviz' if screen and 'rviz2' in get_packages_with_prefixes() else 'none'
        if view == 'none':
            missing = 'rviz2 is not installed' if screen else 'there is no display'
            note = [LogInfo(msg=f'Nothing shows the frames: {missing}; see the argument view.')]
    shown = viewer(view, given('camera').strip('/'))
    # The first frame waits for the restorer and the viewer, or the drive would begin without them.
    overrides: dict = {'wait_for_subscribers': 2 if shown else 1}
    overrides.update((name, given(name)) for name in ('source', 'topic') if given(name))
    if given('faults'):
        overrides['faults'] = [fault.strip() for fault in given('faults').split(',')]
    if given('fault_probability'):
        overrides['fault_probability'] = parse_share(
            'fault_probability', given('fault_probability')
        )
    if given('loop'):
        overrides['loop'] = parse_bool('loop', given('loop'))
    restore = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(SHARE / 'launch' / 'restore.launch.py')),
        launch_arguments=[
            ('namespace', given('camera')),
            ('params_file', existing_file('restore_params_file', given('restore_params_file'))),
        ],
    )
    replay = Node(
        package='siammcvae_ros',
        executable='replay_node',
        name='replay',
        namespace=given('camera'),
        parameters=[existing_file('params_file', given('params_file')), overrides],
        output='screen',
        emulate_tty=True,
    )
    return [restore, replay, *shown, *note]


def generate_launch_description() -> LaunchDescription:
    """Describe the arguments, the two nodes and the viewer."""

    def argument(
        name: str, default: object, description: str, choices: list[str] | None = None
    ) -> DeclareLaunchArgument:
        return DeclareLaunchArgument(
            name, default_value=str(default), description=description, choices=choices
        )

    return LaunchDescription([
        argument('source', '', 'Video, rosbag2 or folder of images; empty: as in params_file.'),
        argument('topic', '', 'Image topic of the bag; empty: as in params_file.'),
        argument('camera', 'front', 'Namespace of the camera.'),
        argument(
            'faults',
            'random:0.75,band:0.25,slices:0.3,full',
            'Faults to inject, comma separated; empty: as in params_file.',
        ),
        argument('fault_probability', '', 'Share of frames to damage; empty: as in params_file.'),
        argument('loop', '', 'Start over at the end; empty: as in params_file.'),
        argument(
            'view',
            'auto',
            'What shows damaged and restored frames side by side: rviz, whose end ends all; '
            'foxglove, over foxglove_bridge, and how to open it is printed; none; auto: rviz where '
            'it is installed and there is a display. The drive begins when it is ready.',
            ['auto', 'rviz', 'foxglove', 'none'],
        ),
        argument(
            'params_file', SHARE / 'config' / 'replay.param.yaml', 'Parameters of the replay node.'
        ),
        argument(
            'restore_params_file',
            SHARE / 'config' / 'restore.param.yaml',
            'Parameters of the restore node.',
        ),
        OpaqueFunction(function=actions),
    ])
