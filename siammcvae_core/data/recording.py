# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The messages of a rosbag2 recording, whole or not, by whatever of it can be read."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, ExitStack
from dataclasses import dataclass, field
from errno import EDQUOT, ENOSPC
from pathlib import Path
import re
import shutil
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader
from rosbags.rosbag2 import reader as rosbag2_reader

from siammcvae_core.data.cut_mcap import CutMcap
from siammcvae_core.data.cut_sqlite import CutSqlite, is_short, journals, recovered, whole_pages
from siammcvae_core.data.listing import visible
from siammcvae_core.errors import InputError, OutputError, SourceError

zstd = rosbag2_reader.zstd  # of the standard library from 3.14 on
ZSTD = b'\x28\xb5\x2f\xfd'  # how its data begin
METADATA = 'metadata.yaml'
ALIAS = re.compile(r'(?:^|[\s\[{,:-])\*\w')  # a few bytes of them may stand for gigabytes
STORAGE = re.compile(r'(?P<stem>.+?)(_\d+)?\.(mcap|db3)(\.zstd?)?', re.IGNORECASE)
STORED_FILE = re.compile(r'^\s*- (\S+\.(?:mcap|db3)(?:\.zstd)?)\s*$', re.MULTILINE)

_USELESS: dict[tuple[str, int, int], str] = {}
"""Why a metadata.yaml is of no use, by path, time and size: to find out may take a second."""

Message = tuple[Connection, int, bytes]


class _Storage(Protocol):
    """What rosbags' Reader and the readers of files that were cut off have in common."""

    connections: Any

    def messages(self, connections: Collection[Connection] = ()) -> Iterator[Message]: ...


@dataclass
class Recording:
    """An open recording.

    `connections` are its topics; of several files of one recording those of one topic are one.
    `cut` says why it is not whole, '' if nothing is known to be missing; `note` what a user should
    know of it besides.
    """

    connections: list[Connection]
    cut: str = ''
    note: str = ''
    _storages: list[tuple[_Storage, dict[int, Connection]]] = field(default_factory=list)

    def messages(self, connections: Collection[Connection] = ()) -> Iterator[Message]:
        """Yield connection, time (ns) and data of the messages of some connections, or of all."""
        wanted = {c.id for c in connections or self.connections}
        for storage, merged in self._storages:
            stored = [c for c in storage.connections if merged[c.id].id in wanted]
            for connection, time, data in storage.messages(stored) if stored else ():
                if bytes(data[:4]) == ZSTD:  # each message packed, which only metadata.yaml says
                    data = zstd.decompress(data)
                yield merged[connection.id], time, data

    def add(self, storage: _Storage) -> None:
        """Append the messages of a storage file."""
        merged: dict[int, Connection] = {}
        for connection in storage.connections:
            key = (connection.topic, connection.msgtype, str(connection.ext))
            for place, known in enumerate(self.connections):
                if (known.topic, known.msgtype, str(known.ext)) == key:
                    count = known.msgcount + connection.msgcount
                    self.connections[place] = known._replace(msgcount=count)
                    break
            else:
                place = len(self.connections)
                self.connections.append(connection._replace(id=place + 1))
            merged[connection.id] = self.connections[place]
        self._storages.append((storage, merged))


@contextmanager
def open_recording(path: Path) -> Iterator[Recording]:
    """Open a rosbag2 folder, with or without its metadata, or one of its storage files.

    A recording that was not closed is read as far as it goes. Any error of the parsers, here and
    inside the `with`, becomes a SourceError, but for an OutputError.
    """
    try:
        with ExitStack() as stack:
            yield _open(path, stack)
    except (InputError, OutputError):
        raise
    except Exception as error:  # damaged files raise errors of every parser rosbags is made of
        if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):  # on unpacking
            raise OutputError(f'no room to unpack {path}: {error}') from error
        raise SourceError(f'{path} is not a readable rosbag2: {_line(error)}') from error


def is_recording(path: Path) -> bool:
    """Tell whether a path is a rosbag2 folder, complete or not, or one of its storage files."""
    if path.is_dir():
        return (path / METADATA).exists() or bool(storage_files(path))
    return STORAGE.fullmatch(path.name) is not None


def storage_stem(name: str) -> str:
    """Return what the names of the storage files of one recording share; '' for other files.

    >>> storage_stem('drive_12.mcap'), storage_stem('drive_0.db3.zstd'), storage_stem('drive.mp4')
    ('drive', 'drive', '')
    """
    match = STORAGE.fullmatch(name)
    return match['stem'] if match else ''


def storage_files(path: Path) -> list[Path]:
    """List the storage files of a folder, or of one file itself, in the order of recording."""
    if not path.is_dir():
        return [path]
    files = [file for file in visible(path) if STORAGE.fullmatch(file.name) and file.is_file()]
    names = {file.name for file in files}
    return [file for file in files if _unpacked_name(file) not in names - {file.name}]


def _open(path: Path, stack: ExitStack) -> Recording:
    metadata, trouble = path / METADATA, ''
    files = storage_files(path)
    if metadata.exists() and not any(map(journals, files)):
        stat = metadata.stat()
        key = (str(path), stat.st_mtime_ns, stat.st_size)
        try:
            if files and key in _USELESS:
                raise SourceError(_USELESS[key])
            if ALIAS.search(metadata.read_text(errors='replace')):
                raise SourceError('it has YAML aliases, which rosbag2 never writes')
            reader = stack.enter_context(Reader(path))
        except Exception as error:  # see above
            trouble = _USELESS[key] = _line(error)
            if not files:
                raise
        else:
            recording = Recording(list(reader.connections))
            recording._storages.append((reader, {c.id: c for c in reader.connections}))
            return recording
    elif path.is_dir() and len({storage_stem(file.name) for file in files}) > 1:
        raise SourceError(
            f'{path} has no {METADATA} and {len(files)} storage files; name one of them: '
            + ', '.join(file.name for file in files)
        )
    return _open_files(path, files, trouble, stack)


def _open_files(path: Path, files: Sequence[Path], trouble: str, stack: ExitStack) -> Recording:
    recording = Recording([])
    cuts = []
    for file in files:
        try:
            storage, cut = _open_file(file, stack)
        except Exception as error:  # a recorder may have been killed as it began a new file
            if len(files) == 1:
                raise
            cut = f'{file.name} cannot be read: {_line(error)}'
        else:
            recording.add(storage)
        cuts += [cut] if cut else []
    if len(cuts) == len(files) and not recording.connections:
        raise SourceError(f'{path} is not a readable rosbag2: {cuts[0]}')
    metadata = path / METADATA
    if trouble and not cuts:
        text = metadata.read_text(errors='replace')
        missing = [name for name in STORED_FILE.findall(text) if not (path / name).exists()]
        cuts += [f'{name} is missing' for name in missing]
    recording.cut = '; '.join(cuts)
    if path.is_dir() and not cuts:
        why = f'{metadata} cannot be used ({trouble})' if trouble else f'{path} has no {METADATA}'
        plugin = 'sqlite3' if '.db3' in files[0].suffixes else 'mcap'
        mend = f"'ros2 bag reindex -s {plugin} {path}' writes a new one"
        recording.note = f'{why}; read without it, {mend}'
    return recording


def _open_file(file: Path, stack: ExitStack) -> tuple[_Storage, str]:
    """Open a storage file; returns it, and why it is not whole or ''."""
    name, cut = file.name, ''
    if name != _unpacked_name(file):
        file, complete = _unpack(file, stack)
        cut = '' if complete else f'{name} was cut off'
    if journals(file):
        file = recovered(file, Path(stack.enter_context(TemporaryDirectory())))
        cut = f'the recorder of {name} was cut off: it is not closed, a journal lies beside it'
    if file.suffix.lower() == '.db3' and is_short(file):
        whole = whole_pages(file, Path(stack.enter_context(TemporaryDirectory())))
        return CutSqlite(whole), cut or f'{name} was cut off (its last pages are missing)'
    if file.suffix != file.suffix.lower():  # as on drives from Windows; rosbags knows lower case
        link = Path(stack.enter_context(TemporaryDirectory()), file.stem + file.suffix.lower())
        link.symlink_to(file.resolve())
        file = link
    try:
        return stack.enter_context(Reader(file)), cut
    except Exception as error:
        storage = CutMcap(file) if file.suffix.lower() == '.mcap' else CutSqlite(file)
        if not any(connection.msgcount for connection in storage.connections):
            raise
        reason = _line(error)
        return (
            storage,
            cut or f'{name} was cut off or is damaged ({reason}), read as far as it goes',
        )


def _unpack(file: Path, stack: ExitStack) -> tuple[Path, bool]:
    """Decompress a storage file as far as it goes; returns the copy, and whether it is whole."""
    folder = stack.enter_context(TemporaryDirectory())
    copy = Path(folder, _unpacked_name(file))
    with zstd.open(file, 'rb') as packed, copy.open('wb') as target:
        try:
            shutil.copyfileobj(packed, target)
        except (EOFError, zstd.ZstdError):
            return copy, False
    return copy, True


def _unpacked_name(file: Path) -> str:
    return re.sub(r'\.zstd?$', '', file.name, flags=re.IGNORECASE)


def _line(error: Exception) -> str:
    return ' '.join(str(error).split()) or type(error).__name__
