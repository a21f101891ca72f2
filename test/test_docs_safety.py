# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""docs/safety.md promises nothing without a test: every proof it names exists."""

import ast
from pathlib import Path
import re

import pytest

from siammcvae_core.files import sha256

PROOF = re.compile(r'`(test/[\w/]+\.py)::(\w+)`')


@pytest.fixture
def text(root: Path) -> str:
    return (root / 'docs' / 'safety.md').read_text()


@pytest.fixture
def guarantees(text: str) -> dict[str, list[tuple[str, str]]]:
    """List the proofs, as file and test, of each guarantee in the table."""
    section = text.split('\n## Guarantees\n')[1].split('\n## ')[0]
    table = section.split('| the node guarantees | proved by |\n|---|---|\n')[1]
    rows = [row.strip('|').split(' | ') for row in table.strip().splitlines()]
    return {guarantee.strip(): PROOF.findall(proofs) for guarantee, proofs in rows}


def collected_from(path: Path) -> set[str]:
    """List the tests pytest collects from a file."""
    functions = (n for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef))
    return {f.name for f in functions if f.name.startswith('test_')}


def test_every_guarantee_has_a_proof(guarantees: dict[str, list[tuple[str, str]]]) -> None:
    assert guarantees
    assert [guarantee for guarantee, proofs in guarantees.items() if not proofs] == []


def test_every_proof_exists(
    root: Path, text: str, guarantees: dict[str, list[tuple[str, str]]]
) -> None:
    proofs = [proof for proofs in guarantees.values() for proof in proofs]
    # None is written in a way this test does not read.
    assert len(proofs) == text.count('.py::')
    missing = [
        f'{file}::{name}'
        for file, name in proofs
        if not (root / file).is_file() or name not in collected_from(root / file)
    ]
    assert missing == []


def test_links_lead_somewhere(root: Path, text: str) -> None:
    links = re.findall(r'\]\(([^)#:]+)\)', text)
    assert links
    assert [link for link in links if not (root / 'docs' / link).exists()] == []


def test_every_parameter_named_exists(root: Path, text: str) -> None:
    named = set(re.findall(r'`(\w+): \w+`', text)) | {'max_hold', 'max_reference_age', 'mask_wait'}
    shipped = re.findall(
        r'^    (\w+):', (root / 'config' / 'restore.param.yaml').read_text(), re.MULTILINE
    )
    assert named <= {*shipped}


def test_every_weights_file_in_the_package_has_a_card_that_names_it(root: Path) -> None:
    weights = sorted((root / 'siammcvae_core' / 'weights').glob('*.safetensors'))
    assert 'drive' in [file.stem for file in weights]
    for file in weights:
        assert f'`{sha256(file)}`' in file.with_suffix('.md').read_text()
