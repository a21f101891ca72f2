# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Build description for both roads: `colcon build` and `pip install -e .[ros,dev]`."""

from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = 'siammcvae_ros'

SHARED = ('.py', '.yaml', '.xml', '.json', '.rviz')

# The ROS wheels exist for x86-64 Linux only; elsewhere ROS 2 comes from its own installer.
WHEELS = 'sys_platform == "linux" and platform_machine == "x86_64"'

# The wheels of the ament linters do not name what they need; flake8's plugins are those ROS uses.
AMENT_LINTERS = ('ament-flake8', 'ament-pep257')
PLUGINS = ('blind-except', 'builtins', 'class-newline', 'comprehensions', 'deprecated')
PLUGINS += ('docstrings', 'import-order', 'quotes')
FLAKE8 = ['flake8', 'pydocstyle', *(f'flake8-{plugin}' for plugin in PLUGINS)]


def ros_wheels(distro: str) -> list[str]:
    """List what stands in for a ROS installation, OpenCV included as ROS brings it too."""
    parts = ['rclpy[fastrtps]', 'sensor-msgs', 'std-srvs', 'diagnostic-msgs']
    return ['opencv-python-headless', *(f'ros-{distro}-{part} ; {WHEELS}' for part in parts)]


def shared(folder: str) -> list[tuple[str, list[str]]]:
    """List the files below `folder`, to be installed under share/siammcvae_ros as they lie here."""
    files = (path for path in Path(folder).rglob('*') if path.suffix in SHARED)
    return [(f'share/{PACKAGE}/{path.parent}', [str(path)]) for path in sorted(files)]


training = ['accelerate', 'jsonargparse[signatures]', 'pillow', 'pyyaml', 'scipy', 'tensorboard']
training += ['torchdiffeq']
cluster = ['dask[distributed]']
test_tools = ['pytest', 'hypothesis', 'scikit-image']

setup(
    name=PACKAGE,
    version='0.1.0',
    description='Restores damaged camera frames in a live ROS 2 image stream.',
    license='Apache-2.0',
    maintainer='The siammcvae_ros authors',
    maintainer_email='maintainers@users.noreply.b-seed-27cf4fad.example',
    python_requires='>=3.10',
    packages=find_packages(include=['siammcvae_core*', 'siammcvae_ros*']),
    package_data={
        'siammcvae_core': ['py.typed', 'weights/*', 'report/*.css', 'report/*.js'],
        'siammcvae_ros': ['py.typed'],
    },
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (f'share/{PACKAGE}', ['package.xml']),
        *shared('launch'),
        *shared('config'),
    ],
    install_requires=['av', 'filelock', 'matplotlib', 'numpy', 'rosbags', 'safetensors', 'tqdm'],
    extras_require={
        'ros': ros_wheels('jazzy'),
        'ros-lint': [*(f'ros-jazzy-{part} ; {WHEELS}' for part in AMENT_LINTERS), *FLAKE8],
        'kilted': ros_wheels('kilted'),
        'torch': ['torch>=2.4'],
        'fast': ['torch>=2.5', 'onnx', 'onnxruntime', 'openvino'],
        'train': ['torch>=2.4', *training],
        'cluster': cluster,
        'test': test_tools,
        'dev': [
            *test_tools,
            *training,
            *cluster,
            'torch==2.13.0',
            'ruff',
            'mypy',
            'colcon-common-extensions',
            'rosbags-image',
        ],
    },
    entry_points={
        'console_scripts': [
            'restore_node = siammcvae_ros.main:restore_node',
            'replay_node = siammcvae_ros.main:replay_node',
            'build_engine = siammcvae_core.engines.build_command:main',
        ],
    },
    zip_safe=True,
)
