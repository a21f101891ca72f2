# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Engines that take long to build, kept in files that are trusted only after a look.

An engine serves one GPU, one version of its library and one set of weights, so all of that names
its file; a JSON file beside it vouches for every byte. One process builds while others wait for
what it builds. A cache that cannot be written costs time only.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import Enum
import fcntl
import hashlib
import json
import logging
from pathlib import Path
import time
from typing import Any, Generic, TypeVar

from siammcvae_core.errors import InputError
from siammcvae_core.files import cache_folder, read_json, write_whole

COMMAND = 'ros2 run siammcvae_ros build_engine'
"""Builds what is missing; `python -m siammcvae_core.engines build` is the same without ROS."""
ESTIMATE = 'seconds with TensorRT-RTX, minutes with TensorRT'
"""How long a build takes where none was timed before."""

T = TypeVar('T')

_log = logging.getLogger(__name__)


class BuildPolicy(str, Enum):
    """Whether an engine may be built when it is asked for."""

    LOAD_ONLY = 'load_only'
    BUILD_IF_MISSING = 'build_if_missing'
    REBUILD = 'rebuild'


class Unfit(Exception):
    """A kept engine that cannot serve; the text says why."""


@dataclass(frozen=True)
class Key:
    """All that an engine depends on: `weights` by their sha256, `library` with its version."""

    part: str
    weights: str
    precision: str
    shapes: str
    library: str
    gpu: str

    @property
    def file(self) -> Path:
        """Where the engine is kept."""
        digest = hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()
        name = f'{self.part}-{self.weights[:16]}-{self.precision}-{digest[:16]}.engine'
        return cache_folder() / 'engines' / name


@dataclass(frozen=True)
class Fetched(Generic[T]):
    """An engine made ready, and its size in bytes.

    `seconds` it took to build, None if it was there; `file` holds it, None where it was not kept.
    """

    engine: T
    size: int
    seconds: float | None
    file: Path | None


def fetch(
    key: Key, policy: BuildPolicy, build: Callable[[], bytes], load: Callable[[bytes], T]
) -> Fetched[T]:
    """Load the engine of `key`, or build and keep it, as `policy` has it.

    `load` makes ready what a file holds and raises `Unfit` for what it cannot read. Raises
    `InputError` under load_only where no file serves, and whatever else `build` and `load` raise.
    """
    if policy is BuildPolicy.LOAD_ONLY:
        try:
            return _kept(key, load)
        except Unfit as error:
            raise InputError(f'{key.file}: {error}; build it with: {COMMAND}') from error
    with _turn(key.file) as waited:
        reason = 'asked for'
        if waited or policy is not BuildPolicy.REBUILD:  # who waited gets what the other one built
            try:
                return _kept(key, load)
            except Unfit as error:
                reason = str(error)
        return _made(key, build, load, reason)


def _kept(key: Key, load: Callable[[bytes], T]) -> Fetched[T]:
    """Load an engine that is there; raises `Unfit` where there is none that serves."""
    try:
        content = key.file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise Unfit(f'no such engine{_another(key)}') from None
    except OSError as error:
        raise Unfit(f'not readable: {error}') from error
    about = _about(key.file)
    if about is None:
        raise Unfit(f'{_sidecar(key.file).name} does not vouch for it')
    if unlike := _unlike(about['key'], key):
        raise Unfit(f'it is {unlike}')
    if len(content) != about['bytes']:
        raise Unfit(f'it has {len(content)} bytes of {about["bytes"]}')
    if hashlib.sha256(content).hexdigest() != about['sha256']:
        raise Unfit('its bytes are not those that were written')
    return Fetched(load(content), len(content), None, key.file)


def _made(
    key: Key, build: Callable[[], bytes], load: Callable[[bytes], T], reason: str
) -> Fetched[T]:
    before = [about['seconds'] for about in _abouts(key) if about['key']['library'] == key.library]
    estimate = f'about {before[0]:.0f} s, as the last time' if before else ESTIMATE
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
        _log.warning('%s: not kept for the next start: %s', key.file, error)
        return Fetched(engine, len(content), seconds, None)
    return Fetched(engine, len(content), seconds, key.file)


@contextmanager
def _turn(file: Path) -> Iterator[bool]:
    """Wait for the processes that build the same engine; tells whether there was one.

    Where no lock can be had, nothing can be kept either, and everybody builds for himself.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = file.with_suffix('.lock').open('w')
    except OSError:
        yield False
        return
    with handle:  # closing it, or dying, unlocks
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            waited = False
        except BlockingIOError:
            _log.warning('%s: another process builds it; waiting', file)
            fcntl.flock(handle, fcntl.LOCK_EX)
            waited = True
        yield waited


def _sidecar(file: Path) -> Path:
    return file.with_suffix('.json')


def _about(file: Path) -> dict[str, Any] | None:
    """Read what was written about an engine; None where that cannot be made out."""
    try:
        about = read_json(_sidecar(file))
        known = {'bytes': int, 'sha256': str, 'seconds': float}
        words = asdict(Key(**about['key'])).values()
        if all(isinstance(word, str) for word in words) and all(
            isinstance(about[k], t) for k, t in known.items()
        ):
            return about
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _abouts(key: Key) -> list[dict[str, Any]]:
    """Read about all kept engines of a part, the newest first."""
    files = [file for file in key.file.parent.glob(f'{key.part}-*.engine') if file.is_file()]
    files.sort(key=lambda file: file.stat().st_mtime, reverse=True)
    return [about for file in files if (about := _about(file))]


def _another(key: Key) -> str:
    """Name in what the newest other engine of the part differs, '' without any."""
    others = [unlike for about in _abouts(key) if (unlike := _unlike(about['key'], key))]
    return f'; another one is {others[0]}' if others else ''


def _unlike(described: dict[str, str], key: Key) -> str:
    return ', '.join(
        f'of {name} {described[name]:.24}, not {due:.24}'
        for name, due in asdict(key).items()
        if described[name] != due
    )
