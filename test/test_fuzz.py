# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A short fuzz of every reader, and that the fuzz finds every kind of fault."""

import json
from random import Random

from fuzz.faulty_readers import FAULTS, KINDS
from fuzz.mutation import mutate
from fuzz.run import fuzz
from fuzz.worker import kinds_of, Limits
import pytest

EACH = 12  # cases of every kind


def test_no_damaged_file_does_harm():
    pytest.importorskip('torch', reason='PyTorch is not installed')
    kinds = list(kinds_of())
    result = fuzz(kinds, EACH * len(kinds))
    assert not result.faults, json.dumps(result.faults[:3], indent=1)
    assert result.counts.keys() == set(kinds)
    for counts in result.counts.values():
        assert counts['worked'] + counts['refused'] == EACH
    refused = sum(counts['refused'] for counts in result.counts.values())
    assert refused > len(kinds)


def test_every_fault_is_found():
    names = [kind.name for kind in KINDS]
    result = fuzz(names, len(names), limits=Limits(1, 100), modules=('fuzz.faulty_readers',))
    found = {fault['kind']: fault['what'] for fault in result.faults}
    assert found.keys() == FAULTS.keys()
    for name, start in FAULTS.items():
        assert found[name].startswith(start), result.faults
    assert result.counts['sound'] == {'worked': 1}
    assert result.counts['refuses'] == {'refused': 1}


@pytest.mark.parametrize('name', ['a.json', 'a.yaml', 'a.safetensors', 'a.png', 'a.mcap', 'a.bin'])
def test_damage_depends_on_the_seed_alone(tmp_path, name):
    results = []
    for repetition in range(2):
        folder = tmp_path / str(repetition)
        folder.mkdir()
        for number in range(40):
            file = folder / name
            file.write_bytes(b'{"a": [1, 2], "b": "x"}' * (1 if name != 'a.bin' else 9))
            damage = mutate(Random(f'seed {number}'), file)
            content = file.read_bytes() if file.is_file() and not file.is_symlink() else b'no file'
            results.append((damage, content))
            if file.is_symlink() or file.is_file():
                file.unlink()
            elif file.is_dir():
                (file / name).unlink(missing_ok=True)
                file.rmdir()
            folder.chmod(0o755)
    assert results[:40] == results[40:]
    assert len(set(results)) > 15
