# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reading JSON and hashing files; damaged content is one of two errors."""

import hashlib
import os
from pathlib import Path
import pwd
import tempfile

import pytest

from siammcvae_core.errors import InputError
from siammcvae_core.files import cache_folder, expand_user, read_json, sha256

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


@pytest.fixture
def homeless(monkeypatch, tmp_path):
    """Take the home away, as from a container's user that passwd does not know."""

    def unknown(who):
        raise KeyError(who)

    for name in ('HOME', 'XDG_CACHE_HOME'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, 'getpwuid', unknown)
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    return tmp_path / f'siammcvae_ros-{os.getuid()}'


def test_a_user_without_a_home_has_a_cache_all_the_same(homeless):
    assert cache_folder() == cache_folder() == homeless
    assert homeless.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize('foreign', ['writable', 'link'])
def test_a_cache_that_others_may_write_to_is_not_used(homeless, foreign):
    if foreign == 'link':
        homeless.symlink_to(homeless.parent)
    else:
        homeless.mkdir()
        homeless.chmod(0o777)
    assert cache_folder() == cache_folder() != homeless
    assert cache_folder().stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize('path', ['~', '~/x.mp4', '~no-such-user/x.mp4'])
def test_a_path_below_a_home_that_is_not_there_is_one_line(homeless, path):
    with pytest.raises(InputError, match=f'^{path}: there is no such home folder'):
        expand_user(path)


def test_other_paths_need_no_home(homeless):
    assert expand_user('x/~y') == Path('x/~y')
