# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The package as others get it: built by colcon from a copy of the tree."""

import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

PACKAGES = ('siammcvae_core', 'siammcvae_ros')
NOT_SOURCE = ('.git', '.venv*', '.*_cache', '.hypothesis', '__pycache__', '*.egg-info')
RESULTS = ('build', 'install', 'log', 'out')


@pytest.fixture(scope='module')
def workspace(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Workspace with a built copy of the package, which has one more weights file than the tree."""
    pytest.importorskip('colcon_core', reason='colcon is not installed')
    workspace = tmp_path_factory.mktemp('workspace')
    copy = workspace / 'src' / 'siammcvae_ros'
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns(*NOT_SOURCE, *RESULTS))
    weights = copy / 'siammcvae_core' / 'weights'
    weights.mkdir(exist_ok=True)
    (weights / 'probe.safetensors').write_bytes(b'probe')
    built = colcon(workspace, 'build', '--event-handlers', 'console_direct+')
    assert built.returncode == 0, built.stdout + built.stderr
    return workspace


@pytest.fixture(scope='module')
def installed(workspace: Path) -> Path:
    return workspace / 'install' / 'siammcvae_ros'


def colcon(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'colcon', *arguments],
        cwd=workspace,
        env={**os.environ, 'COLCON_HOME': str(workspace / '.colcon')},
        capture_output=True,
        text=True,
        check=False,
    )


def site_packages(installed: Path) -> Path:
    (folder,) = installed.glob('lib/python3*/site-packages')
    return folder


def test_colcon_names_the_build_type(workspace: Path) -> None:
    listed = colcon(workspace, 'list').stdout.split()
    assert listed == ['siammcvae_ros', 'src/siammcvae_ros', '(ros.ament_python)']


@pytest.mark.parametrize('node', ['restore_node', 'replay_node'])
def test_ros2_run_finds_the_nodes(installed: Path, node: str) -> None:
    executable = installed / 'lib' / 'siammcvae_ros' / node
    assert os.access(executable, os.X_OK)


def test_the_ament_index_knows_the_package(installed: Path) -> None:
    index = installed / 'share' / 'ament_index' / 'resource_index' / 'packages'
    assert (index / 'siammcvae_ros').is_file()


@pytest.mark.parametrize('folder', ['launch', 'config'])
def test_shared_files_are_installed(root: Path, installed: Path, folder: str) -> None:
    def files(top: Path) -> set[Path]:
        found = (p.relative_to(top) for p in top.rglob('*') if p.is_file())
        return {p for p in found if '__pycache__' not in p.parts}

    assert files(root / folder)
    assert files(installed / 'share' / 'siammcvae_ros' / folder) == files(root / folder)


def test_weights_are_installed(root: Path, installed: Path) -> None:
    weights = site_packages(installed) / 'siammcvae_core' / 'weights'
    shipped = {path.name for path in (root / 'siammcvae_core' / 'weights').glob('*')}
    assert {path.name for path in weights.iterdir()} >= {'probe.safetensors', *shipped}


def test_installed_report_finds_its_style_and_script(
    root: Path, installed: Path, tmp_path: Path
) -> None:
    write = """
from pathlib import Path
from siammcvae_core.report.page import Page

page = Page('installed')
page.table(['a'], [[1]], sortable=True)
page.write(Path('report.html'))
"""
    subprocess.run(
        [sys.executable, '-c', write],
        cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': str(site_packages(installed))},
        check=True,
    )
    html = (tmp_path / 'report.html').read_text(encoding='utf-8')
    for name in ('style.css', 'script.js'):
        assert (root / 'siammcvae_core' / 'report' / name).read_text(encoding='utf-8') in html


@pytest.mark.parametrize('package', PACKAGES)
def test_every_module_is_installed(root: Path, installed: Path, package: str) -> None:
    def modules(top: Path) -> set[str]:
        return {p.relative_to(top).as_posix() for p in (top / package).rglob('*.py')}

    assert modules(site_packages(installed)) == modules(root)
    assert (site_packages(installed) / package / 'py.typed').is_file()


def test_installed_node_runs(installed: Path, tmp_path: Path) -> None:
    """Its own copy of the code, not the tree's; a parameter out of range ends it with one line."""
    pytest.importorskip('rclpy', reason='ROS 2 is not installed')
    path = [str(site_packages(installed)), os.environ.get('PYTHONPATH', '')]
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, path))}
    node = installed / 'lib' / 'siammcvae_ros' / 'restore_node'
    ended = subprocess.run(
        [sys.executable, str(node), '--ros-args', '-p', 'mask_wait:=-1.0'],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert 'mask_wait' in ended.stderr
    assert 'Traceback' not in ended.stderr
