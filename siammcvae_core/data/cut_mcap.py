# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""MCAP files without their end: a recorder was killed, the power failed, a copy was cut off.

Records are read from the first on, up to the first one that is not whole; of a chunk that is cut
off, those before the cut. https://mcap.dev/spec describes the format.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
import struct
from typing import BinaryIO

from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    MessageDefinition,
    MessageDefinitionFormat,
)
from rosbags.rosbag2 import reader as rosbag2_reader
from rosbags.rosbag2.metadata import parse_qos
from rosbags.rosbag2.storage_mcap import decompress

MAGIC = b'\x89MCAP0\r\n'
BLOCK = 2**20  # bytes
SCHEMA, CHANNEL, MESSAGE, CHUNK, DATA_END = 3, 4, 5, 6, 15
DEFINITIONS = {'ros2msg': MessageDefinitionFormat.MSG, 'ros2idl': MessageDefinitionFormat.IDL}
zstd = rosbag2_reader.zstd  # of the standard library from 3.14 on

Message = tuple[Connection, int, bytes]


class CutMcap:
    """Reads an MCAP file in the order in which it was written, as far as it goes.

    `connections` are those of the part that can be read, with the numbers of their messages.
    Raises ValueError for a file of another format.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open('rb') as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise ValueError('File magic is invalid.')
            self._end = _written(file)
        counts: Counter[int] = Counter()
        found: dict[int, Connection] = {}
        for connection, _, _ in self._read():
            found.setdefault(connection.id, connection)
            counts[connection.id] += 1
        self.connections = [c._replace(msgcount=counts[c.id]) for c in found.values()]

    def messages(self, connections: Collection[Connection] = ()) -> Iterator[Message]:
        """Yield connection, time (ns) and data of the messages of some connections, or of all."""
        known = {c.id: c for c in connections or self.connections}
        for connection, time, data in self._read():
            if connection.id in known:
                yield known[connection.id], time, data

    def _read(self) -> Iterator[Message]:
        channels = _Channels()
        with self._path.open('rb') as file:
            for kind, record in _records(file, self._end):
                if kind != CHUNK:
                    messages = channels.messages([(kind, record)])
                else:
                    content, whole = _chunk(record)
                    messages = channels.messages(_split(content))
                    messages.sort(key=lambda message: message[1])
                    if not whole:
                        yield from messages
                        return
                yield from messages


@dataclass
class _RecordFields:
    """Fields of a record, read one after the other; struct.error where it is too short."""

    data: bytes
    at: int = 0

    def take(self, layout: str) -> tuple[int, ...]:
        """Read integers."""
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return values

    def blob(self, layout: str = '<I') -> bytes:
        """Read bytes that stand after their length; as many as there are."""
        (length,) = self.take(layout)
        blob = self.data[self.at : self.at + length]
        self.at += length
        return blob

    def text(self) -> str:
        """Read a string; UnicodeDecodeError where it is none."""
        return self.blob().decode()


class _Channels:
    """The schemas and channels seen so far."""

    def __init__(self) -> None:
        self._schemas: dict[int, tuple[str, MessageDefinition]] = {}
        self._connections: dict[int, Connection] = {}

    def messages(self, records: Collection[tuple[int, bytes]]) -> list[Message]:
        """List the messages among records, up to one that is damaged."""
        messages = []
        try:
            for kind, record in records:
                fields = _RecordFields(record)
                if kind == SCHEMA:
                    (number,) = fields.take('<H')
                    name, encoding, definition = fields.text(), fields.text(), fields.text()
                    form = DEFINITIONS.get(encoding, MessageDefinitionFormat.NONE)
                    self._schemas[number] = name, MessageDefinition(form, definition)
                elif kind == CHANNEL:
                    self._add(fields)
                elif kind == MESSAGE:
                    channel, _, time, _ = fields.take('<HIQQ')
                    messages.append((self._connections[channel], time, record[fields.at :]))
        except (struct.error, UnicodeDecodeError, KeyError):
            pass  # damaged: what follows it is not read
        return messages

    def _add(self, fields: _RecordFields) -> None:
        number, schema = fields.take('<HH')
        topic, encoding = fields.text(), fields.text()
        (length,) = fields.take('<I')
        qos, end = '', fields.at + length
        while fields.at < end:
            key, value = fields.text(), fields.text()
            if key == 'offered_qos_profiles':
                qos = value
        name, definition = self._schemas[schema]
        extra = ConnectionExtRosbag2(encoding, parse_qos(qos))
        self._connections.setdefault(
            number, Connection(number, topic, name, definition, '', 0, extra, self)
        )


def _written(file: BinaryIO) -> int:
    """Find the end of what was written: after a power failure zeros may follow it."""
    end = file.seek(0, 2)
    while end:
        first = max(0, end - BLOCK)
        file.seek(first)
        content = file.read(end - first).rstrip(b'\0')
        if content:
            return first + len(content)
        end = first
    return 0


def _records(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and content of whole records before `end`, and a chunk that is cut off."""
    at = len(MAGIC)
    while at + 9 <= end:
        file.seek(at)
        kind, length = struct.unpack('<BQ', file.read(9))
        at += 9
        if kind in (0, DATA_END):
            return
        is_whole = length <= end - at
        if is_whole or kind == CHUNK:
            yield kind, file.read(length if is_whole else end - at)
        at += length


def _chunk(record: bytes) -> tuple[bytes, bool]:
    """Unpack a chunk as far as it goes: its records, and whether they are all there."""
    try:
        fields = _RecordFields(record)
        _, _, size, checksum = fields.take('<QQQI')
        compression = fields.text()
        content = fields.blob('<Q')
    except (struct.error, UnicodeDecodeError):
        return b'', False
    if fields.at <= len(record):
        try:
            return decompress(content, compression, size, checksum), True
        except Exception:  # of any of the libraries that unpack
            return b'', False
    if compression == '':
        return content, False
    if compression == 'zstd':
        try:
            return zstd.ZstdDecompressor().decompress(content), False
        except zstd.ZstdError:
            return b'', False
    return b'', False


def _split(content: bytes) -> list[tuple[int, bytes]]:
    """Split the content of a chunk into its whole records."""
    records, at = [], 0
    while at + 9 <= len(content):
        kind, length = struct.unpack_from('<BQ', content, at)
        if kind == 0 or at + 9 + length > len(content):
            break
        records.append((kind, content[at + 9 : at + 9 + length]))
        at += 9 + length
    return records
