# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Words of the field, one for one thing, in code and documents; sizes are width x height."""

import ast
from pathlib import Path
import re

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ('siammcvae_core', 'siammcvae_ros')
TEXTS = [
    *(path for package in PACKAGES for path in sorted((ROOT / package).rglob('*.py'))),
    *sorted((ROOT / 'launch').glob('*.py')), *sorted((ROOT / 'config').rglob('*.yaml')),
    *sorted((ROOT / 'docs').glob('*.md')), *sorted((ROOT / 'siammcvae_core').rglob('*.md')),
    ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', ROOT / 'package.xml',
]  # fmt: skip
OLD_WORDS = {
    r'peers?': 'baseline, participant',
    r'kept (frame|pair|one)s?': 'reference',
    r'(made|makes?|making)[- ]up': 'replace, predict',
    r'moved reference': 'warped reference',
    r'motion stage': 'alignment',
    r'evidence (of|within)|all evidence': 'alignment features',
    r"model's answer": 'output',
    r'slopes of': 'gradient',
    r'outbox|tally|rhythm|misfit|duel|contest': 'output queue, counters, frame rate, residual …',
}


@pytest.mark.parametrize('old', OLD_WORDS)
def test_one_word_for_one_thing(old: str) -> None:
    found = [
        f'{path.relative_to(ROOT)}: {match[0]!r} is called {OLD_WORDS[old]}'
        for path in TEXTS
        for match in re.finditer(rf'\b({old})\b', path.read_text(), re.I)
    ]
    assert not found, found


def test_messages_have_no_shape_of_an_array_as_it_is() -> None:
    found = [
        f'{path.relative_to(ROOT)}:{node.lineno}'
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob('*.py'))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FormattedValue)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == 'shape'
    ]
    assert not found, found
