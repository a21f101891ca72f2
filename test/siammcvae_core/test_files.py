# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reading JSON and hashing files; damaged content is one of two errors."""

import hashlib
import os
from pathlib import Path
import tempfile

import pytest

from siammcvae_core.files import cache_folder, read_json, sha256

DEEP = 100_000


@pytest.mark.parametrize(
    'content',
    [
        b'', b'{', b'\x80\x02}', b'\xff\xfe', pytest.param(b'[' * DEEP, id='deep list'),
        pytest.param(b'{"a":' * DEEP, id='deep object'), pytest.param(b'9' * 5000, id='digits'),
    ],
)  # fmt: skip
def test_what_is_not_json_is_a_value_error(tmp_path, content):
    (tmp_path / 'a.json').write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011  each has words of its own
        read_json(tmp_path / 'a.json')


def test_json_is_read_and_files_are_hashed(tmp_path):
    (tmp_path / 'a.json').write_text('{"a": [1, "ü"]}')
    assert read_json(tmp_path / 'a.json') == {'a': [1, 'ü']}
    content = bytes(range(256)) * 5000
    (tmp_path / 'b').write_bytes(content)
    assert sha256(tmp_path / 'b') == hashlib.sha256(content).hexdigest()
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / 'none')


def test_a_user_without_a_home_has_a_cache_all_the_same(monkeypatch):
    monkeypatch.delenv('HOME', raising=False)
    monkeypatch.delenv('XDG_CACHE_HOME', raising=False)
    monkeypatch.setattr(os, 'getuid', lambda: 54321)  # nobody in passwd
    assert cache_folder() == Path(tempfile.gettempdir()) / 'siammcvae_ros-54321'
