# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What QUALITY_DECLARATION.md says of files in the tree is so."""

from pathlib import Path
import re
from xml.etree import ElementTree

import pytest

NOTICE = ('# Copyright 2026 The siammcvae_ros authors', '# SPDX-License-Identifier: Apache-2.0')
FOLDERS = ('siammcvae_core', 'siammcvae_ros', 'launch', 'test')


@pytest.fixture
def text(root: Path) -> str:
    return (root / 'QUALITY_DECLARATION.md').read_text()


def test_every_source_file_states_its_copyright(root: Path) -> None:
    sources = [path for folder in FOLDERS for path in (root / folder).rglob('*.py')]
    sources += [root / 'setup.py', root / 'Makefile', root / '.ci' / 'run']
    bare = []
    for path in sources:
        lines = path.read_text().splitlines()
        if tuple(lines[lines[:1] == ['#!/usr/bin/env bash'] :][:2]) != NOTICE:
            bare.append(str(path.relative_to(root)))
    assert bare == []


def test_files_it_names_exist(root: Path, text: str) -> None:
    links = re.findall(r'\]\(((?!https:)[^)]+)\)', text)
    tests = re.findall(r'`(test/\w+\.py)`', text)
    assert links
    assert tests
    assert [path for path in (*links, *tests) if not (root / path).exists()] == []


def test_ros_dependencies_are_those_of_the_package(root: Path, text: str) -> None:
    listed = text.split('**ROS, at run time [5.i]**:')[1].split('\n- ')[0]
    manifest = ElementTree.parse(root / 'package.xml').getroot()
    needed = {element.text for element in manifest.iter('exec_depend')}
    assert set(re.findall(r'`(\w+)`', listed)) == {
        name for name in needed if not name.startswith('python3-')
    }


def test_it_claims_no_more_than_its_version_allows(root: Path, text: str) -> None:
    version = ElementTree.parse(root / 'package.xml').getroot().findtext('version')
    assert version.startswith('0.')
    assert 'The version is below 1.0.0.' in text
    assert re.findall(r'\*\*Quality Level (\d)\*\*', text) == ['4']
