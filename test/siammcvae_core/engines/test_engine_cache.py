# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Exported models are cached, checked when read, and exported anew where that fails."""

import json
import logging
from pathlib import Path

import pytest

pytest.importorskip('torch', reason='PyTorch is not installed')

from siammcvae_core.engines import onnx_export
from siammcvae_core.engines.onnx_export import Exported, exported
from siammcvae_core.files import sha256
from siammcvae_core.model.profiles import DRIVE_PROFILES


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Replace the export, which needs the package onnx; lists the weights exported."""
    exports: list[Path] = []

    def export(weights: Path) -> Exported:
        exports.append(weights)
        return Exported(b'encode', b'restore', DRIVE_PROFILES['drive'], sha256(weights))

    monkeypatch.setattr(onnx_export, 'export', export)
    return exports


def folder_of(cache: Path) -> Path:
    (folder,) = cache.iterdir()
    return folder


def test_the_second_start_reads(drive_weights, exports, cache, caplog):
    first = exported(drive_weights)
    assert exported(drive_weights) == first
    assert len(exports) == 1
    names = sorted(file.name for file in folder_of(cache).iterdir())
    assert names == ['about.json', 'encode_reference.onnx', 'restore.onnx']
    assert not caplog.records


def test_other_weights_have_files_of_their_own(drive_weights, exports, tmp_path):
    other = tmp_path / 'other.safetensors'
    other.write_bytes(drive_weights.read_bytes() + b' ')
    assert exported(drive_weights) != exported(other)
    assert len(exports) == 2


def truncate(folder):
    (folder / 'restore.onnx').write_bytes(b'rest')


def replace(folder):
    (folder / 'encode_reference.onnx').write_bytes(b'another')


def garble(folder):
    (folder / 'about.json').write_text('{"weights":')


def misname(folder):
    about = json.loads((folder / 'about.json').read_text())
    (folder / 'about.json').write_text(json.dumps({**about, 'weights': 'f00'}))


def empty(folder):
    (folder / 'about.json').write_text('[]')


@pytest.mark.parametrize('harm', [truncate, replace, garble, misname, empty])
def test_a_damaged_cache_is_made_anew_with_one_line(drive_weights, exports, cache, caplog, harm):
    first = exported(drive_weights)
    harm(folder_of(cache))
    with caplog.at_level(logging.WARNING):
        assert exported(drive_weights) == first
    assert len(caplog.records) == 1
    assert 'made anew' in caplog.text
    assert exported(drive_weights) == first
    assert len(exports) == 2


def test_what_was_cut_short_is_made_anew(drive_weights, exports, cache):
    first = exported(drive_weights)
    (folder_of(cache) / 'about.json').unlink()
    assert exported(drive_weights) == first
    assert len(exports) == 2


def test_a_cache_that_cannot_be_written_still_serves(
    drive_weights, exports, tmp_path, monkeypatch, caplog
):
    (tmp_path / 'file').touch()
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    with caplog.at_level(logging.WARNING):
        assert exported(drive_weights).restore == b'restore'
    assert len(caplog.records) == 1
    assert 'not cached' in caplog.text
