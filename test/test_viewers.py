# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The RViz and Foxglove configurations show what the nodes of replay.launch.py publish."""

from collections import Counter
import json
from pathlib import Path
import re
from typing import Any

import pytest

SHOWN = {'image_raw', 'restored/image_raw', 'restored/mask', 'restored/uncertainty'}


@pytest.fixture
def camera(root: Path) -> str:
    """Return the default camera of the launch file."""
    text = (root / 'launch/replay.launch.py').read_text()
    default = re.search(r"argument\('camera', '(\w+)'", text)
    assert default is not None
    return default[1]


@pytest.fixture
def published(root: Path, camera: str) -> set[str]:
    """List the topics that README.md says the nodes publish, in full."""
    tables = re.findall(
        r'^\| published \| type \| \|\n\|---\|---\|---\|\n((?:\|.*\n)+)',
        (root / 'README.md').read_text(),
        re.MULTILINE,
    )
    assert len(tables) == 2
    names = re.findall(r'^\| `([\w/]+)`', ''.join(tables), re.MULTILINE)
    return {name if name.startswith('/') else f'/{camera}/{name}' for name in names}


@pytest.fixture
def layout(root: Path) -> dict[str, Any]:
    return json.loads((root / 'config/foxglove_layout.json').read_text())


@pytest.fixture
def rviz(root: Path) -> dict[str, Any]:
    yaml = pytest.importorskip('yaml', reason='PyYAML is not installed')
    return yaml.safe_load((root / 'config/restore.rviz').read_text())


def leaves(node: dict[str, Any] | str) -> list[str]:
    """List the panels of a Foxglove layout tree."""
    if isinstance(node, str):
        return [node]
    assert node['direction'] in ('row', 'column')
    assert 0 < node['splitPercentage'] < 100
    return leaves(node['first']) + leaves(node['second'])


def test_foxglove_places_every_panel_once(layout: dict[str, Any]) -> None:
    assert sorted(leaves(layout['layout'])) == sorted(layout['configById'])


def test_foxglove_shows_topics_there_are(
    layout: dict[str, Any], published: set[str], camera: str
) -> None:
    panels = layout['configById'].items()
    images = {c['imageMode']['imageTopic'] for name, c in panels if name.startswith('Image!')}
    assert images == {f'/{camera}/{name}' for name in SHOWN}
    others = {c['topicToRender'] for name, c in panels if name.startswith('Diagnostic')}
    assert others == {'/diagnostics'}
    assert images | others <= published


def test_foxglove_selects_the_status_of_the_camera(layout: dict[str, Any], camera: str) -> None:
    pytest.importorskip('rclpy', reason='ROS 2 is not installed')
    from siammcvae_ros.bridge.camera_state import CameraState
    from siammcvae_ros.bridge.diagnostics import camera_status
    from siammcvae_ros.frame_path.counters import FrameCounters, Snapshot
    from siammcvae_ros.frame_path.mask_matching import MaskCounts

    unknown = (False, Counter(), None, None, None, 0.0, '', (), ())
    snapshot = Snapshot(camera, FrameCounters(), MaskCounts(), *unknown)
    status = camera_status(f'{camera}/restore', CameraState(b'\0', 'ok', ''), snapshot)
    (panel,) = (c for c in layout['configById'].values() if 'selectedName' in c)
    selected = panel['selectedHardwareId'], panel['selectedName']
    assert selected == (status.hardware_id, status.name)


def test_rviz_shows_topics_there_are(
    rviz: dict[str, Any], published: set[str], camera: str
) -> None:
    displays = rviz['Visualization Manager']['Displays']
    assert {display['Class'] for display in displays} == {'rviz_default_plugins/Image'}
    topics = [display['Topic'] for display in displays]
    shown = {topic['Value'] for topic in topics}
    assert shown == {f'/{camera}/{name}' for name in SHOWN}
    assert shown <= published
    # Best effort matches every publisher, and a viewer delays nobody.
    assert {topic['Reliability Policy'] for topic in topics} == {'Best Effort'}


def test_rviz_places_every_display(rviz: dict[str, Any]) -> None:
    window = rviz['Window Geometry']
    state = bytes.fromhex(window['QMainWindow State'])
    for display in rviz['Visualization Manager']['Displays']:
        assert display['Name'].encode('utf-16-be') in state
        assert window[display['Name']] == {'collapsed': False}


def test_the_launch_file_opens_them(root: Path) -> None:
    text = (root / 'launch/replay.launch.py').read_text()
    named = re.findall(r"layout\(['\"]([\w.]+)['\"], camera\)", text)
    assert sorted(named) == ['foxglove_layout.json', 'restore.rviz']
    assert all((root / 'config' / name).is_file() for name in named)
