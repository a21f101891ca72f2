# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A short fuzz of every reader, and that the fuzz would notice what goes wrong."""

import json
from random import Random

from fuzz.mutation import mutate
from fuzz.planted import FAULTS, KINDS
from fuzz.run import fuzz
from fuzz.worker import kinds_of, Limits
import pytest

EACH = 12  # cases of every kind


def test_no_damaged_file_does_harm():
    pytest.importorskip('torch', reason='PyTorch is not installed')
    kinds = list(kinds_of())
    account = fuzz(kinds, EACH * len(kinds))
    assert not account.faults, json.dumps(account.faults[:3], indent=1)
    assert account.counts.keys() == set(kinds)
    for counts in account.counts.values():
        assert counts['worked'] + counts['refused'] == EACH
    refused = sum(counts['refused'] for counts in account.counts.values())
    assert refused > len(kinds)


def test_every_fault_is_found():
    names = [kind.name for kind in KINDS]
    account = fuzz(names, len(names), limits=Limits(1, 100), modules=('fuzz.planted',))
    told = {fault['kind']: fault['what'] for fault in account.faults}
    assert told.keys() == FAULTS.keys()
    for name, due in FAULTS.items():
        assert told[name].startswith(due), account.faults
    assert account.counts['sound'] == {'worked': 1}
    assert account.counts['refuses'] == {'refused': 1}


@pytest.mark.parametrize('name', ['a.json', 'a.yaml', 'a.safetensors', 'a.png', 'a.mcap', 'a.bin'])
def test_damage_depends_on_the_seed_alone(tmp_path, name):
    made = []
    for turn in range(2):
        folder = tmp_path / str(turn)
        folder.mkdir()
        for number in range(40):
            file = folder / name
            file.write_bytes(b'{"a": [1, 2], "b": "x"}' * (1 if name != 'a.bin' else 9))
            told = mutate(Random(f'seed {number}'), file)
            whole = file.read_bytes() if file.is_file() and not file.is_symlink() else b'no file'
            made.append((told, whole))
            if file.is_symlink() or file.is_file():
                file.unlink()
            elif file.is_dir():
                (file / name).unlink(missing_ok=True)
                file.rmdir()
            folder.chmod(0o755)
    assert made[:40] == made[40:]
    assert len(set(made)) > 15
