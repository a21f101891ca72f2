# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A cache of engines that take long to build; files are checked before they are used.

An engine serves one GPU, one version of its library and one set of weights, so all of that names
its file; a JSON file beside it holds its size and hash. One process builds while others wait for
the result. A cache that cannot be written costs time only.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import Enum
import hashlib
import json
import logging
from pathlib import Path
import time
from typing import Any, Generic, TypeVar

from filelock import FileLock, Timeout

from siammcvae_core.errors import InputError
from siammcvae_core.files import cache_folder, read_json, write_whole

COMMAND = 'ros2 run siammcvae_ros build_engine'
"""Builds what is missing; `python -m siammcvae_core.engines build` is the same without ROS."""
ESTIMATE = 'seconds with TensorRT-RTX, minutes with TensorRT'
"""How long a build takes where none was timed before."""

T = TypeVar('T')

_log = logging.getLogger(__name__)


class BuildPolicy(str, Enum):
    """Whether an engine may be built when it is needed."""

    LOAD_ONLY = 'load_only'
    BUILD_IF_MISSING = 'build_if_missing'
    REBUILD = 'rebuild'


class UnusableEngine(Exception):
    """A cached engine that cannot serve; the text says why."""


@dataclass(frozen=True)
class Key:
    """All that an engine depends on: `weights` by their sha256, `library` with its version.

    `part` names the exported module, `shapes` the format of its inputs and their ranges.
    """

    part: str
    weights: str
    precision: str
    shapes: str
    library: str
    gpu: str

    @property
    def file(self) -> Path:
        """The engine's file in the cache, there or not."""
        digest = hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()
        name = f'{self.part}-{self.weights[:16]}-{self.precision}-{digest[:16]}.engine'
        return cache_folder() / 'engines' / name


@dataclass(frozen=True)
class Fetched(Generic[T]):
    """A loaded engine, and its size in bytes.

    `seconds` are those of its build, None if it was cached; `file` holds it, None where it could
    not be written.
    """

    engine: T
    size: int
    seconds: float | None
    file: Path | None


def fetch(
    key: Key, policy: BuildPolicy, build: Callable[[], bytes], load: Callable[[bytes], T]
) -> Fetched[T]:
    """Load the engine of `key`, or build and cache it, as `policy` allows.

    `load` turns a file's content into an engine and raises `UnusableEngine` for what it cannot
    read. Raises `InputError` under load_only where no file serves, and what else both raise.
    """
    if policy is BuildPolicy.LOAD_ONLY:
        try:
            return _load_cached(key, load)
        except UnusableEngine as error:
            raise InputError(f'{key.file}: {error}; build it with: {COMMAND}') from error
    with _build_lock(key.file) as waited:
        reason = 'asked for'
        if waited or policy is not BuildPolicy.REBUILD:  # after waiting, the other's build serves
            try:
                return _load_cached(key, load)
            except UnusableEngine as error:
                reason = str(error)
        return _build(key, build, load, reason)


def _load_cached(key: Key, load: Callable[[bytes], T]) -> Fetched[T]:
    """Load a cached engine; raises `UnusableEngine` where there is none that serves."""
    try:
        content = key.file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise UnusableEngine(f'no such engine{_another(key)}') from None
    except OSError as error:
        raise UnusableEngine(f'not readable: {error}') from error
    about = _about(key.file)
    if about is None:
        raise UnusableEngine(f'{_sidecar(key.file).name} does not describe it')
    if unlike := _unlike(about['key'], key):
        raise UnusableEngine(f'it is {unlike}')
    if len(content) != about['bytes']:
        raise UnusableEngine(f'it has {len(content)} bytes of {about["bytes"]}')
    if hashlib.sha256(content).hexdigest() != about['sha256']:
        raise UnusableEngine('its bytes are not those that were written')
    return Fetched(load(content), len(content), None, key.file)


def _build(
    key: Key, build: Callable[[], bytes], load: Callable[[bytes], T], reason: str
) -> Fetched[T]:
    """Build, load and cache an engine; `reason` for the log."""
    earlier = [about['seconds'] for about in _abouts(key) if about['key']['library'] == key.library]
    estimate = f'about {earlier[0]:.0f} s, as the last time' if earlier else ESTIMATE
    _log.warning(
        'BUILDING an engine for %s with %s (%s): %s, estimated. %s: %s',
        key.gpu, key.library, key.part, estimate, key.file, reason,
    )  # fmt: skip
    began = time.monotonic()
    content = build()
    seconds = time.monotonic() - began
    engine = load(content)
    about = {
        'key': asdict(key),
        'bytes': len(content),
        'sha256': hashlib.sha256(content).hexdigest(),
        'seconds': round(seconds, 1),
    }
    try:
        write_whole(key.file, content)
        write_whole(_sidecar(key.file), json.dumps(about, indent=1).encode())
    except OSError as error:
        _log.warning('%s: not cached: %s', key.file, error)
        return Fetched(engine, len(content), seconds, None)
    return Fetched(engine, len(content), seconds, key.file)


@contextmanager
def _build_lock(file: Path) -> Iterator[bool]:
    """Hold the lock of an engine's file; yields whether another process had it.

    Where no lock can be taken, nothing can be cached either, and each process builds for itself.
    """
    lock = FileLock(file.with_suffix('.lock'))  # the system releases it when the process dies
    waited = False
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            _log.warning('%s: another process builds it; waiting', file)
            waited = True
            lock.acquire()
    except (OSError, NotImplementedError):
        yield False
        return
    try:
        yield waited
    finally:
        lock.release()


def _sidecar(file: Path) -> Path:
    return file.with_suffix('.json')


def _about(file: Path) -> dict[str, Any] | None:
    """Read the JSON file beside an engine; None where it is missing or malformed."""
    try:
        about = read_json(_sidecar(file))
        types = {'bytes': int, 'sha256': str, 'seconds': float}
        words = asdict(Key(**about['key'])).values()
        if all(isinstance(word, str) for word in words) and all(
            isinstance(about[name], type_) for name, type_ in types.items()
        ):
            return about
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _abouts(key: Key) -> list[dict[str, Any]]:
    """Read the JSON files beside all cached engines of a module, the newest first."""
    files = [file for file in key.file.parent.glob(f'{key.part}-*.engine') if file.is_file()]
    files.sort(key=lambda file: file.stat().st_mtime, reverse=True)
    return [about for file in files if (about := _about(file))]


def _another(key: Key) -> str:
    """Name what differs in the newest other engine of the module, '' without any."""
    others = [unlike for about in _abouts(key) if (unlike := _unlike(about['key'], key))]
    return f'; another one is {others[0]}' if others else ''


def _unlike(stored: dict[str, str], key: Key) -> str:
    return ', '.join(
        f'of {name} {stored[name]:.24}, not {expected:.24}'
        for name, expected in asdict(key).items()
        if stored[name] != expected
    )
