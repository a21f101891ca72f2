# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decoded clips on disk: each is decoded once, then any frame of it is a memory-mapped slice.

A clip is two files: `<key>.json` says what it holds, `<key>.raw` has its distinct frames, scaled
down to a short side. All raw files together stay within a budget: those used longest ago are
deleted, their JSON stays. Processes may share a folder: one decodes a clip while others wait.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, ExitStack
from dataclasses import asdict, dataclass, replace
import hashlib
import json
import math
import os
from pathlib import Path
import time
from typing import BinaryIO

import cv2
from filelock import FileLock
import numpy as np

from siammcvae_core.data.layouts import Clip, is_timelapse
from siammcvae_core.data.pairs import distinct_frames
from siammcvae_core.data.sources import open_source
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.files import expand_user, read_json, replaced, write_whole
from siammcvae_core.frames import Source

OPEN_MAPS = 256
STALE = 24 * 3600  # seconds
LARGEST = 0.5  # share of the budget that one clip may fill
PER_FRAME = 2 * np.dtype(np.int64).itemsize
FORMAT = 2
"""Part of every key: raise it when the files change their meaning."""


@dataclass(frozen=True)
class ClipFacts:
    """What is known of a clip without its frames: size, number of frames, errors.

    `declared` frames of `shape`, (H, W, 3) or (H, W) as cached; once `decoded`, the number of
    distinct `frames`, and in `broken` why there are fewer than the clip declares. `unusable` says
    why there is nothing to decode.
    """

    name: str
    declared: int
    shape: tuple[int, ...]
    frames: int = 0
    decoded: bool = False
    unusable: str = ''
    broken: str = ''

    @property
    def room(self) -> int:
        """Bytes the clip may take; the same before and after it is decoded."""
        return self.declared * (3 * self.shape[0] * self.shape[1] + PER_FRAME)

    @property
    def nbytes(self) -> int:
        """Bytes of the raw file: frames, then their indices and stamps."""
        return self.frames * (math.prod(self.shape) + PER_FRAME)

    def check(self) -> None:
        """Raise ValueError for values that make no sense, as in a damaged file."""
        counts = [self.declared, self.frames, *self.shape]
        texts = [self.name, self.unusable, self.broken]
        if (
            not all(type(count) is int and count >= 0 for count in counts)
            or not all(isinstance(text, str) for text in texts)
            or len(self.shape) not in (2, 3)
            or type(self.decoded) is not bool
        ):
            raise ValueError(f'not the facts of a clip: {self}')


@dataclass(frozen=True, eq=False)
class CachedClip:
    """The distinct frames of a clip, uint8 (T, H, W, 3) BGR or (T, H, W) grey, read-only.

    `indices` (T,) are their numbers in the source, `stamps` (T,) their times in nanoseconds.
    """

    facts: ClipFacts
    frames: np.ndarray
    indices: np.ndarray
    stamps: np.ndarray


class FrameCache:
    """Clips decoded to a short side of `side` pixels (never enlarged), within `budget` bytes.

    `topic` picks the image topic of bags that have several. Raises InputError where the folder
    cannot be made.
    """

    def __init__(self, folder: Path, budget: int, side: int, topic: str = '') -> None:
        self.budget = budget
        self._folder = expand_user(folder)
        self._side = side
        self._topic = topic
        self._maps: OrderedDict[str, CachedClip] = OrderedDict()
        with _as_input_error(self._folder):
            (self._folder / 'locks').mkdir(parents=True, exist_ok=True)
            for suffix in ('.json', '.raw'):
                for draft in self._folder.glob(
                    f'.*{suffix}.*'
                ):  # left by a process that was killed
                    if time.time() - draft.stat().st_mtime > STALE:
                        draft.unlink(missing_ok=True)

    def survey(self, clips: Sequence[Clip]) -> list[ClipFacts]:
        """Read the facts of each clip, opening those the cache has no facts of yet."""
        with ThreadPoolExecutor(min(16, 2 * (os.cpu_count() or 1))) as pool:
            return list(pool.map(self._facts, clips))

    def open(self, clip: Clip) -> CachedClip:
        """Map a clip's frames into memory; a clip that is not in the cache is decoded first.

        Raises SourceError for a clip without frames, InputError where the cache cannot be used.
        """
        mapped = self._maps.get(clip.path)
        if mapped is not None:
            self._maps.move_to_end(clip.path)
            self._touch(clip)
            return mapped
        with _as_input_error(self._folder), self._lock(self._key(clip)[:2]):
            facts = self._facts(clip)
            if not facts.unusable and not self._holds(clip, facts):
                facts = self._decode(clip, facts)
            if not facts.frames:
                reason = facts.unusable or facts.broken or 'no frames'
                raise SourceError(f'{clip.path}: {reason}')
            cached = self._map(clip, facts)
        self._touch(clip)
        self._maps[clip.path] = cached
        if len(self._maps) > OPEN_MAPS:
            self._maps.popitem(last=False)
        return cached

    def __getstate__(self) -> dict[str, object]:
        """Drop the maps: a process that receives the cache maps its own."""
        return {**self.__dict__, '_maps': OrderedDict()}

    def _facts(self, clip: Clip) -> ClipFacts:
        try:
            stored = read_json(self._path(clip, '.json'))
            facts = ClipFacts(**{**stored, 'name': clip.name, 'shape': tuple(stored['shape'])})
            facts.check()
            return facts
        except (OSError, ValueError, TypeError, KeyError):  # not there, or not whole
            facts = self._open_for_facts(clip)
            self._remember(clip, facts)
            return facts

    def _open_for_facts(self, clip: Clip) -> ClipFacts:
        if is_timelapse(clip):
            return ClipFacts(clip.name, 0, (0, 0), unusable='time-lapse')
        try:
            source = open_source(clip.path, self._topic)
        except SourceError as error:
            return ClipFacts(clip.name, 0, (0, 0), unusable=str(error))
        height, width = self._scaled(source.size[1], source.size[0])
        return ClipFacts(clip.name, len(source), (height, width, 3))

    def _holds(self, clip: Clip, facts: ClipFacts) -> bool:
        path = self._path(clip, '.raw')
        size = path.stat().st_size if path.exists() else 0
        return facts.decoded and size == facts.nbytes

    def _decode(self, clip: Clip, facts: ClipFacts) -> ClipFacts:
        source = open_source(clip.path, self._topic)
        raw = self._path(clip, '.raw')
        with _as_input_error(self._folder), ExitStack() as after, replaced(raw) as draft:
            with draft.open('wb') as file:
                indices, stamps, shape = self._write_frames(source, file)
                file.write(np.array([indices, stamps], np.int64).tobytes())
            facts = replace(
                facts,
                shape=shape or facts.shape,
                frames=len(indices),
                decoded=True,
                broken=source.broken,
            )
            self._remember(clip, facts)
            after.enter_context(self._lock('budget'))  # until the draft is in place
            self._make_room(facts.nbytes)
        return facts

    def _write_frames(
        self, source: Source, file: BinaryIO
    ) -> tuple[list[int], list[int], tuple[int, ...]]:
        indices: list[int] = []
        stamps: list[int] = []
        shape: tuple[int, ...] = ()
        for frame in distinct_frames(source):
            image = self._shrink(frame.image)
            shape = image.shape
            if (len(indices) + 1) * image.nbytes > LARGEST * self.budget:
                source.broken = f'cut after {len(indices)} frames, half of the cache budget'
                break
            file.write(image.data)
            indices.append(frame.index)
            stamps.append(frame.stamp)
        return indices, stamps, shape

    def _shrink(self, image: np.ndarray) -> np.ndarray:
        height, width = self._scaled(*image.shape[:2])
        if (height, width) == image.shape[:2]:
            return image
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)

    def _scaled(self, height: int, width: int) -> tuple[int, int]:
        scale = min(1.0, self._side / min(height, width))
        return round(height * scale), round(width * scale)

    def _map(self, clip: Clip, facts: ClipFacts) -> CachedClip:
        raw = np.memmap(self._path(clip, '.raw'), np.uint8, 'r', shape=(facts.nbytes,))
        pixels = facts.frames * math.prod(facts.shape)
        indices, stamps = np.frombuffer(raw[pixels:].tobytes(), np.int64).reshape(2, -1)
        frames = np.asarray(raw[:pixels]).reshape(facts.frames, *facts.shape)
        return CachedClip(facts, frames, indices, stamps)

    def _make_room(self, needed: int) -> None:
        files = [(entry.stat(), entry) for entry in os.scandir(self._folder) if _is_raw(entry)]
        total = sum(stat.st_size for stat, _ in files)
        for stat, entry in sorted(files, key=lambda file: file[0].st_mtime_ns):
            if total + needed <= self.budget:
                return
            os.unlink(entry)  # a process that has it mapped keeps it until it lets go
            total -= stat.st_size

    def _touch(self, clip: Clip) -> None:
        try:
            os.utime(self._path(clip, '.raw'))
        except FileNotFoundError:  # deleted to make room, still mapped here
            self._maps.pop(clip.path, None)

    def _remember(self, clip: Clip, facts: ClipFacts) -> None:
        with _as_input_error(self._folder):
            write_whole(self._path(clip, '.json'), json.dumps(asdict(facts)).encode())

    def _key(self, clip: Clip) -> str:
        key = [FORMAT, clip.path, self._side, self._topic]
        try:
            stat = os.stat(clip.path)
            key += [stat.st_size, stat.st_mtime_ns]
        except (
            OSError
        ):  # the rendered drive is no file; a file that has vanished is noticed on opening
            pass
        return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]

    def _path(self, clip: Clip, suffix: str) -> Path:
        return self._folder / (self._key(clip) + suffix)

    def _lock(self, name: str) -> FileLock:
        """Make a lock that all processes share that use the folder."""
        folder = self._folder / 'locks'
        folder.stat()  # raises where the folder is gone, which FileLock would make anew
        return FileLock(folder / name)


@contextmanager
def _as_input_error(folder: Path) -> Iterator[None]:
    """Raise InputError, one line, where the file system refuses."""
    try:
        yield
    except OSError as error:
        raise InputError(f'cache {folder} cannot be used: {error.strerror}') from error


def _is_raw(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith('.raw')
