# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cached engines are checked before they are used, are built once, and never block a node."""

from dataclasses import asdict, replace
import hashlib
import json
import os
from pathlib import Path
import subprocess
import sys

import pytest

from siammcvae_core.engines.engine_cache import BuildPolicy, fetch, Fetched, Key, UnusableEngine
from siammcvae_core.errors import InputError

KEY = Key('restore', 'ab' * 32, 'float16', '[64]', 'tensorrt 10.3.0', 'Orin 8.7 16SM')
ENGINE = b'engine ' * 1000


class Builder:
    """Stands in for the library; counts what it builds and loads what it built."""

    def __init__(self) -> None:
        self.built = 0

    def build(self) -> bytes:
        self.built += 1
        return ENGINE

    def load(self, content: bytes) -> str:
        if not content.startswith(b'engine'):
            raise UnusableEngine('the library cannot read it')
        return f'{len(content)} bytes'

    def fetch(
        self, key: Key = KEY, policy: BuildPolicy = BuildPolicy.BUILD_IF_MISSING
    ) -> Fetched[str]:
        return fetch(key, policy, self.build, self.load)


@pytest.fixture
def builder() -> Builder:
    return Builder()


def about_of(key: Key = KEY) -> Path:
    return key.file.with_suffix('.json')


def test_an_engine_is_built_once_and_then_cached(builder, cache, caplog):
    first = builder.fetch()
    assert (first.engine, first.size, first.file) == ('7000 bytes', 7000, KEY.file)
    assert first.seconds is not None
    (warning,) = caplog.messages
    assert warning.startswith('BUILDING an engine for Orin 8.7 16SM with tensorrt 10.3.0 (restore)')
    assert 'minutes with TensorRT, estimated' in warning
    caplog.clear()
    for policy in (BuildPolicy.BUILD_IF_MISSING, BuildPolicy.LOAD_ONLY):
        again = builder.fetch(policy=policy)
        assert (again.engine, again.seconds) == ('7000 bytes', None)
    assert builder.built == 1
    assert not caplog.messages
    assert KEY.file.is_relative_to(cache)
    assert not [file for file in KEY.file.parent.iterdir() if file.name.startswith('.')]


def test_rebuild_builds_whatever_is_there(builder, caplog):
    builder.fetch()
    caplog.clear()
    assert builder.fetch(policy=BuildPolicy.REBUILD).seconds is not None
    assert builder.built == 2
    assert 'as the last time, estimated' in caplog.text
    assert 'asked for' in caplog.text


def test_load_only_says_what_to_run(builder):
    with pytest.raises(InputError, match='no such engine; build it with: ros2 run siammcvae_ros'):
        builder.fetch(policy=BuildPolicy.LOAD_ONLY)
    assert not KEY.file.parent.exists()


@pytest.mark.parametrize(
    ('field', 'value', 'named'),
    [
        ('gpu', 'Orin 8.7 8SM', 'another one is of gpu Orin 8.7 16SM, not Orin 8.7 8SM'),
        ('library', 'tensorrt 10.13.2', 'of library tensorrt 10.3.0, not tensorrt 10.13.2'),
        ('weights', 'cd' * 32, 'of weights abababab'),
        ('precision', 'float32', 'of precision float16, not float32'),
        ('shapes', '[128]', 'of shapes'),
    ],
)
def test_an_engine_of_another_kind_is_named_and_left_alone(builder, caplog, field, value, named):
    builder.fetch()
    other = replace(KEY, **{field: value})
    with pytest.raises(InputError, match='no such engine; another one is'):
        builder.fetch(other, BuildPolicy.LOAD_ONLY)
    caplog.clear()
    assert builder.fetch(other).seconds is not None
    assert named in caplog.text
    assert builder.fetch().seconds is None
    assert builder.built == 2


def truncate() -> None:
    os.truncate(KEY.file, 3000)


def damage() -> None:
    KEY.file.write_bytes(ENGINE[:-1] + b'!')


def unvouch() -> None:
    about_of().unlink()


def garble() -> None:
    about_of().write_text('{"key":')


def misspell() -> None:
    about_of().write_text(json.dumps({**json.loads(about_of().read_text()), 'bytes': 'many'}))


def copy_from_another() -> None:
    """As if a file of another GPU had been copied to the name of ours."""
    about = json.loads(about_of().read_text())
    about_of().write_text(json.dumps({**about, 'key': {**about['key'], 'gpu': 'H200'}}))


def unread() -> None:
    """As if the library could no longer read what it wrote."""
    content = b'garbage'
    about = json.loads(about_of().read_text())
    KEY.file.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    about_of().write_text(json.dumps({**about, 'bytes': len(content), 'sha256': digest}))


@pytest.mark.parametrize(
    ('harm', 'reason'),
    [
        (truncate, 'it has 3000 bytes of 7000'),
        (damage, 'its bytes are not those that were written'),
        (unvouch, 'does not describe it'),
        (garble, 'does not describe it'),
        (misspell, 'does not describe it'),
        (copy_from_another, 'it is of gpu H200, not Orin 8.7 16SM'),
        (unread, 'the library cannot read it'),
    ],
)
def test_a_damaged_engine_is_named_and_built_anew(builder, caplog, harm, reason):
    builder.fetch()
    harm()
    with pytest.raises(InputError, match=f'{KEY.file}: .*; build it with: ros2 run'):
        builder.fetch(policy=BuildPolicy.LOAD_ONLY)
    caplog.clear()
    assert builder.fetch().engine == '7000 bytes'
    (warning,) = caplog.messages
    assert str(KEY.file) in warning
    assert reason in warning
    assert builder.built == 2
    assert builder.fetch().seconds is None


@pytest.mark.parametrize('policy', [BuildPolicy.BUILD_IF_MISSING, BuildPolicy.REBUILD])
def test_a_cache_that_cannot_be_written_costs_time_only(
    builder, tmp_path, monkeypatch, caplog, policy
):
    (tmp_path / 'file').touch()
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    fetched = builder.fetch(policy=policy)
    assert (fetched.engine, fetched.file) == ('7000 bytes', None)
    assert 'not cached' in caplog.text
    with pytest.raises(InputError, match='no such engine'):
        builder.fetch(policy=BuildPolicy.LOAD_ONLY)


def test_a_build_that_fails_leaves_nothing_and_no_lock(builder):
    def fail() -> bytes:
        raise RuntimeError('out of memory')

    with pytest.raises(RuntimeError, match='out of memory'):
        fetch(KEY, BuildPolicy.BUILD_IF_MISSING, fail, builder.load)
    assert not KEY.file.exists()
    assert builder.fetch().engine == '7000 bytes'


def test_an_engine_that_does_not_fit_in_memory_is_not_built_again(builder):
    builder.fetch()

    def load(content: bytes) -> str:
        raise RuntimeError('no memory on the GPU')

    with pytest.raises(RuntimeError, match='no memory'):
        fetch(KEY, BuildPolicy.BUILD_IF_MISSING, builder.build, load)
    assert builder.built == 1


NODE = """
import json, logging, sys, time
from pathlib import Path
from siammcvae_core.engines.engine_cache import BuildPolicy, fetch, Key

logging.basicConfig(level=logging.WARNING)
flags, policy = Path(sys.argv[2]), BuildPolicy(sys.argv[3])

def build():
    mark = flags / 'building'
    mark.touch(exist_ok=False)  # fails while another one builds
    with (flags / 'builds').open('a') as log:
        log.write('x')
    while not (flags / 'go').exists():
        time.sleep(0.01)
    mark.unlink()
    return b'engine ' * 100000

fetched = fetch(Key(**json.loads(sys.argv[1])), policy, build, bytes.__len__)
print(fetched.engine, fetched.seconds is None)
"""


@pytest.mark.parametrize('policy', [BuildPolicy.BUILD_IF_MISSING, BuildPolicy.REBUILD])
def test_of_nodes_that_start_at_once_one_builds(tmp_path: Path, policy: BuildPolicy) -> None:
    command = [sys.executable, '-c', NODE, json.dumps(asdict(KEY)), str(tmp_path), policy.value]
    nodes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    # Whoever waits says so; only then may the builder go on.
    waiting = [node for node in nodes if 'waiting' in node.stderr.readline()]
    (tmp_path / 'go').touch()
    said = [node.communicate(timeout=60) for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0, 0], said
    assert sorted(out for out, _ in said) == ['700000 False\n', '700000 True\n', '700000 True\n']
    assert len(waiting) == 2
    assert (tmp_path / 'builds').read_text() == 'x'


def test_a_builder_that_is_killed_does_not_stop_the_next(builder: Builder, tmp_path: Path) -> None:
    command = [sys.executable, '-c', NODE, json.dumps(asdict(KEY)), str(tmp_path), 'rebuild']
    node = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert node.stderr is not None
    assert 'BUILDING' in node.stderr.readline()
    node.kill()
    node.wait()
    assert builder.fetch().engine == '7000 bytes'
