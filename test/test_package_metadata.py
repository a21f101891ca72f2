# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the package says of itself agrees: package.xml, setup.py, the changelog, and the imports."""

import ast
from collections.abc import Iterator
import distutils.core
from pathlib import Path
import re
import sys
from xml.etree import ElementTree

import pytest
import setuptools

OWN = {'siammcvae_core', 'siammcvae_ros'}

# Where an import is not named like its rosdep key.
ROSDEP_KEYS = {
    'cv2': 'python3-opencv',
    'filelock': 'python3-filelock',
    'matplotlib': 'python3-matplotlib',
    'numpy': 'python3-numpy',
    'rosbags': 'python3-rosbags-pip',
    'torch': 'python3-torch',
    'tqdm': 'python3-tqdm',
}
# What rosdep has no key for: pip brings it, as README.md says.
PIP_ONLY = {'av', 'safetensors'}
# What researchers need besides, no vehicle does: `pip install -e .[train]`.
TRAINING = {'accelerate', 'jsonargparse', 'PIL', 'scipy', 'torchdiffeq', 'yaml'}
# What only makes it faster: `pip install -e .[fast]`.
FAST = {'onnx', 'onnxruntime', 'openvino'}
# For `--cluster`: `pip install -e .[cluster]`.
CLUSTER = {'distributed'}
# Declared for what is run, not imported: `ros2 launch`.
COMMANDS = {'ros2launch'}

PIP_NAMES = {'cv2': 'opencv-python-headless', 'PIL': 'pillow', 'yaml': 'pyyaml'}


@pytest.fixture
def distribution(root: Path, monkeypatch: pytest.MonkeyPatch) -> setuptools.Distribution:
    """Read what setup.py hands to setuptools."""
    monkeypatch.chdir(root)
    return distutils.core.run_setup('setup.py', stop_after='init')


@pytest.fixture
def manifest(root: Path) -> ElementTree.Element:
    return ElementTree.parse(root / 'package.xml').getroot()


def imported(root: Path) -> set[str]:
    """Top-level modules that the packages and the launch files import from outside."""

    def names(tree: ast.AST) -> Iterator[str]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield node.module or ''

    modules = {
        name.partition('.')[0]
        for folder in (*OWN, 'launch')
        for path in (root / folder).rglob('*.py')
        for name in names(ast.parse(path.read_text()))
    }
    return modules - sys.stdlib_module_names - OWN


def requirement_name(requirement: str) -> str:
    return re.split(r'[\s\[<>=;]', requirement)[0]


def test_package_xml_is_valid(root: Path) -> None:
    catkin_package = pytest.importorskip('catkin_pkg.package', reason='colcon is not installed')
    warnings: list[str] = []
    package = catkin_package.parse_package(str(root / 'package.xml'), warnings=warnings)
    assert not warnings
    assert package.package_format == 3
    assert package.licenses == ['Apache-2.0']
    assert package.get_build_type() == 'ament_python'


def test_versions_agree(
    root: Path, manifest: ElementTree.Element, distribution: setuptools.Distribution
) -> None:
    version = manifest.findtext('version')
    assert distribution.metadata.version == version
    newest = re.search(r'^(\d+\.\d+\.\d+) \(', (root / 'CHANGELOG.rst').read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == version


def test_every_import_is_declared(root: Path, manifest: ElementTree.Element) -> None:
    declared = {element.text for element in manifest.iter('exec_depend')}
    needed = {
        ROSDEP_KEYS.get(name, name)
        for name in imported(root) - PIP_ONLY - TRAINING - FAST - CLUSTER
    }
    assert declared - COMMANDS == needed


def test_torch_is_never_forced(manifest: ElementTree.Element) -> None:
    (torch,) = (e for e in manifest.iter('exec_depend') if e.text == 'python3-torch')
    assert torch.get('condition') == '$ROS_DISTRO == humble'


def test_pip_brings_what_rosdep_cannot(root: Path, distribution: setuptools.Distribution) -> None:
    """setup.py lists all that is not part of ROS; README.md repeats what only pip has."""
    outside_ros = imported(root) & (PIP_ONLY | set(ROSDEP_KEYS))
    extras = distribution.extras_require
    requirements = [*distribution.install_requires, *extras['torch'], extras['ros'][0]]
    assert {requirement_name(r) for r in requirements} == {
        PIP_NAMES.get(name, name) for name in outside_ros
    }
    command = re.search(r'pip install .*\b(av .*)$', (root / 'README.md').read_text(), re.MULTILINE)
    assert command is not None
    assert set(command[1].split()) >= PIP_ONLY


def test_training_is_an_extra(root: Path, distribution: setuptools.Distribution) -> None:
    extra = {requirement_name(r) for r in distribution.extras_require['train']}
    assert imported(root) >= TRAINING
    assert {PIP_NAMES.get(n, n) for n in (*TRAINING, 'torch', 'tensorboard')} == extra


def shipped_parameters(root: Path, node: str) -> dict[str, object]:
    yaml = pytest.importorskip('yaml', reason='PyYAML is not installed')
    return yaml.safe_load((root / 'config' / f'{node}.param.yaml').read_text())['/**'][
        'ros__parameters'
    ]


def test_shipped_restore_parameters_are_the_defaults(root: Path) -> None:
    """The commented YAML file and the node say the same: names, types and values."""
    pytest.importorskip('rclpy', reason='ROS 2 is not installed')
    from siammcvae_ros.restore_parameters import PARAMETERS

    assert repr(shipped_parameters(root, 'restore')) == repr(PARAMETERS.defaults)


def test_shipped_replay_parameters_are_the_defaults(root: Path) -> None:
    pytest.importorskip('rclpy', reason='ROS 2 is not installed')
    from siammcvae_ros.replay_parameters import PARAMETERS

    assert repr(shipped_parameters(root, 'replay')) == repr(PARAMETERS.defaults)


def test_shipped_replay_parameters_name_every_fault(root: Path) -> None:
    from siammcvae_core.faults.camera import FAULTS

    text = (root / 'config' / 'replay.param.yaml').read_text().replace('\n    #', '')
    listed = re.search(r'after a colon: (.*); without: (.*?)\. ', text)
    assert listed is not None
    assert {*', '.join(listed.groups()).split(', ')} == {*FAULTS}


@pytest.mark.parametrize('node', ['restore', 'replay'])
def test_readme_lists_every_parameter(root: Path, node: str) -> None:
    section = (root / 'README.md').read_text().split(f'## {node}_node')[1].split('\n## ')[0]
    table = section.split('| parameter | default | |')[1].split('\n\n')[0]
    rows = re.findall(r'^\| `(\w+)`', table, re.MULTILINE)
    assert rows == list(shipped_parameters(root, node))
