# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Databases of a recorder that was cut off: with a journal beside them, or without their end."""

from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
import shutil
import sqlite3
import struct
from typing import Any

from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    MessageDefinition,
    MessageDefinitionFormat,
)
from rosbags.rosbag2.metadata import parse_qos

DEFINITIONS = {'ros2msg': MessageDefinitionFormat.MSG, 'ros2idl': MessageDefinitionFormat.IDL}


def journals(database: Path) -> list[Path]:
    """List what SQLite left beside a database that was not closed."""
    beside = (database.with_name(f'{database.name}{end}') for end in ('-wal', '-journal'))
    return [file for file in beside if file.is_file() and file.stat().st_size]


def is_short(database: Path) -> bool:
    """Tell whether a database file is shorter than its header says."""
    page, pages = _pages(database)
    return database.stat().st_size < page * pages


def whole_pages(database: Path, folder: Path) -> Path:
    """Copy the whole pages of a database into `folder`: SQLite fills others up with zeros."""
    copy = folder / database.name
    shutil.copyfile(database, copy)
    page, _ = _pages(database)
    with copy.open('r+b') as file:
        file.truncate(copy.stat().st_size // page * page)
    return copy


def _pages(database: Path) -> tuple[int, int]:
    """Read the size of a page and their number from the header; zeros where it does not say."""
    with database.open('rb') as file:
        head = file.read(100)
    is_counted = head[24:28] == head[92:96]  # else the number is out of date
    if len(head) < 100 or not head.startswith(b'SQLite format 3\0') or not is_counted:
        return 0, 0
    (page,), (pages,) = struct.unpack_from('>H', head, 16), struct.unpack_from('>I', head, 28)
    return 65536 if page == 1 else page, pages


def recovered(database: Path, folder: Path) -> Path:
    """Copy a database with its journals into `folder` and let SQLite apply or roll them back."""
    copy = folder / database.name
    shutil.copyfile(database, copy)
    for journal in journals(database):
        shutil.copyfile(journal, folder / journal.name)
    try:
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute('PRAGMA journal_mode=DELETE').fetchall()
            connection.execute('SELECT count(*) FROM sqlite_master').fetchall()
    except sqlite3.Error:
        pass  # read as far as it goes, then
    return copy


class CutSqlite:
    """Reads a rosbag2 database in the order in which it was written, up to the first damage.

    Raises sqlite3.Error where not even its topics can be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(self._open()) as database:
            rows = database.execute('SELECT * FROM topics')
            names = [column[0] for column in rows.description]
            topics = [dict(zip(names, row, strict=True)) for row in rows]
            definitions = _definitions(database)
        self.connections = [_connection(topic, definitions) for topic in topics]
        counts = dict.fromkeys((c.id for c in self.connections), 0)
        for connection, _, _ in self.messages():
            counts[connection.id] += 1
        self.connections = [c._replace(msgcount=counts[c.id]) for c in self.connections]

    def messages(
        self, connections: Collection[Connection] = ()
    ) -> Iterator[tuple[Connection, int, bytes]]:
        """Yield connection, time (ns) and data of the messages of some connections, or of all."""
        known = {c.id: c for c in connections or self.connections}
        with closing(self._open()) as database:
            rows = database.execute('SELECT topic_id, timestamp, data FROM messages ORDER BY id')
            while True:
                try:
                    row = next(rows, None)
                except sqlite3.Error:
                    return
                if row is None:
                    return
                if row[0] in known:
                    yield known[row[0]], row[1], row[2]

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(f'{self._path.absolute().as_uri()}?immutable=1', uri=True)
        # Else SQLite refuses a file that is shorter than its header says.
        database.execute('PRAGMA writable_schema=ON')
        return database


def _definitions(database: sqlite3.Connection) -> dict[str, MessageDefinition]:
    try:
        rows = database.execute(
            'SELECT topic_type, encoding, encoded_message_definition FROM message_definitions'
        ).fetchall()
    except sqlite3.Error:  # there are none before ROS 2 Iron
        return {}
    return {
        name: MessageDefinition(DEFINITIONS.get(form, MessageDefinitionFormat.NONE), definition)
        for name, form, definition in rows
    }


def _connection(topic: dict[str, Any], definitions: dict[str, MessageDefinition]) -> Connection:
    none = MessageDefinition(MessageDefinitionFormat.NONE, '')
    extra = ConnectionExtRosbag2(
        topic['serialization_format'], parse_qos(topic.get('offered_qos_profiles', ''))
    )
    return Connection(
        topic['id'],
        topic['name'],
        topic['type'],
        definitions.get(topic['type'], none),
        topic.get('type_description_hash', ''),
        0,
        extra,
        None,
    )
