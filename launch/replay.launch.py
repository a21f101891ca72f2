# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Replay a drive with faults and restore it: `ros2 launch siammcvae_ros replay.launch.py`.

To watch damaged and restored frames side by side, with what was made up and how sure it is:
`rviz2 -d $(ros2 pkg prefix siammcvae_ros)/share/siammcvae_ros/config/restore.rviz`, or
`ros2 launch foxglove_bridge foxglove_bridge_launch.xml` and config/foxglove_layout.json in
Foxglove (Layout > Import from file). Both show the camera `front`.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

SHARE = Path(get_package_share_directory('siammcvae_ros'))


def actions(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Build both nodes from the arguments; an empty one leaves the params_file in force."""

    def given(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    # The first frame waits for the restorer, or the drive would begin without it.
    overrides: dict = {'wait_for_subscribers': 1}
    overrides.update((name, given(name)) for name in ('source', 'topic') if given(name))
    if given('faults'):
        overrides['faults'] = [fault.strip() for fault in given('faults').split(',')]
    if given('fault_probability'):
        overrides['fault_probability'] = float(given('fault_probability'))
    restore = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(SHARE / 'launch' / 'restore.launch.py')),
        launch_arguments=[('namespace', given('camera'))],
    )
    replay = Node(
        package='siammcvae_ros',
        executable='replay_node',
        name='replay',
        namespace=given('camera'),
        parameters=[given('params_file'), overrides],
        output='screen',
        emulate_tty=True,
    )
    return [restore, replay]


def generate_launch_description() -> LaunchDescription:
    """Describe the arguments and the two nodes."""

    def argument(name: str, default: object, description: str) -> DeclareLaunchArgument:
        return DeclareLaunchArgument(name, default_value=str(default), description=description)

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
        argument('params_file', SHARE / 'config' / 'replay.param.yaml', 'Parameters of replay.'),
        OpaqueFunction(function=actions),
    ])
