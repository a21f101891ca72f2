# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recorders that were cut off, and what people have of bags then: what is there is read."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
import shutil
import sqlite3
import struct

import numpy as np
import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Reader, StoragePlugin, Writer

from siammcvae_core.data.bags import ImageTopic, RAW, TYPES
from siammcvae_core.data.layouts import find_clips
from siammcvae_core.data.recording import open_recording
from siammcvae_core.data.sources import open_source
from siammcvae_core.errors import SourceError

FRAMES = 40
MCAP, SQLITE = StoragePlugin.MCAP, StoragePlugin.SQLITE3
MAGIC = b'\x89MCAP0\r\n'


def image(number: int) -> bytes:
    types = TYPES.types
    stamp = types['builtin_interfaces/msg/Time'](7, number)
    header = types['std_msgs/msg/Header'](stamp, 'cam')
    pixels = np.random.default_rng(number).integers(0, 256, 256 * 192, np.uint8)
    return bytes(TYPES.serialize_cdr(types[RAW](header, 192, 256, 'mono8', 0, 256, pixels), RAW))


def write(
    path: Path,
    storage: StoragePlugin = MCAP,
    mode: CompressionMode | None = None,
    numbers: range = range(FRAMES),
) -> Path:
    writer = Writer(path, version=9, storage_plugin=storage)
    if mode:
        writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        topic = writer.add_connection('/cam/image_raw', RAW, typestore=TYPES)
        for number in numbers:
            writer.write(topic, 10**9 + number, image(number))
    return path


def stored(bag: Path) -> Path:
    (file,) = (file for file in bag.iterdir() if file.name != 'metadata.yaml')
    return file


def unchunked(bag: Path) -> Path:
    """Write an MCAP file without chunks, as rosbag2's preset `fastwrite` does, and without end."""

    def text(value: str) -> bytes:
        return struct.pack('<I', len(value)) + value.encode()

    def record(kind: int, content: bytes) -> bytes:
        return struct.pack('<BQ', kind, len(content)) + content

    file = bag.with_suffix('.mcap')
    with Reader(write(bag)) as reader, file.open('wb') as out:
        (topic,) = reader.connections
        definition = text(topic.msgtype) + text('ros2msg') + text(topic.msgdef.data)
        out.write(MAGIC + record(1, text('ros2') + text('a recorder')))
        out.write(record(3, struct.pack('<H', 1) + definition))
        out.write(record(4, struct.pack('<HH', 1, 1) + text(topic.topic) + text('cdr') + bytes(4)))
        for number, (_, time, data) in enumerate(reader.messages()):
            out.write(record(5, struct.pack('<HIQQ', 1, number, time, time) + data))
    return file


def read(path: Path) -> tuple[list[int], str]:
    """Read a recording: the numbers of its frames, checked to the bit, and why it ends."""
    source = open_source(path)
    numbers = []
    for frame in source:
        number = frame.stamp - 7 * 10**9
        expected = TYPES.deserialize_cdr(image(number), RAW).data
        np.testing.assert_array_equal(frame.image.ravel(), expected)
        numbers.append(number)
    assert len(numbers) == len(source)
    return numbers, source.broken


def halved(file: Path, share: float = 0.5) -> None:
    with file.open('r+b') as opened:
        opened.truncate(int(file.stat().st_size * share))


@pytest.mark.parametrize('share', [0.4, 0.7, 0.999])
@pytest.mark.parametrize('mode', [None, CompressionMode.STORAGE])
def test_mcap_without_its_end(mode: CompressionMode | None, share: float, tmp_path: Path) -> None:
    bag = write(tmp_path / 'bag', mode=mode)
    halved(stored(bag), share)
    for metadata in ('there', 'gone'):
        if metadata == 'gone':
            (bag / 'metadata.yaml').unlink()
        for path in (bag, stored(bag)):
            numbers, broken = read(path)
            assert numbers == list(range(len(numbers)))
            assert len(numbers) > FRAMES * share - 3
            assert 'cut off' in broken
            assert 'bag.mcap' in broken


def test_mcap_without_chunks_and_without_its_end(tmp_path: Path) -> None:
    file = unchunked(tmp_path / 'bag')
    assert read(file)[0] == list(range(FRAMES))
    halved(file)
    numbers, broken = read(file)
    assert numbers == list(range(FRAMES // 2 - 1))
    assert 'cut off' in broken


def test_mcap_whose_end_was_never_written_to_disk(tmp_path: Path) -> None:
    """After a power failure, file systems fill up with zeros."""
    for name, file in (('a', unchunked(tmp_path / 'a')), ('b', stored(write(tmp_path / 'b')))):
        size = file.stat().st_size
        halved(file)
        with file.open('r+b') as opened:
            opened.truncate(size)
        numbers, broken = read(file)
        assert numbers == list(range(len(numbers)))
        assert FRAMES // 2 - 1 <= len(numbers) <= FRAMES // 2, name
        assert 'cut off' in broken


def test_a_cut_mcap_is_read_in_order_of_time_within_a_chunk(tmp_path: Path) -> None:
    bag = write(tmp_path / 'bag', numbers=range(FRAMES - 1, -1, -1))
    halved(stored(bag), 0.999)
    with open_recording(stored(bag)) as recording:
        times = [time for _, time, _ in recording.messages()]
    steps = np.diff(times)
    assert len(times) == FRAMES
    assert (steps > 0).sum() > FRAMES - 5


@pytest.mark.parametrize('share', [0.3, 0.8, 0.999])
def test_a_database_without_its_end(share: float, tmp_path: Path) -> None:
    bag = write(tmp_path / 'bag', SQLITE)
    file = stored(bag)
    halved(file, share)
    (bag / 'metadata.yaml').unlink()
    numbers, broken = read(bag)
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > FRAMES * share - 4
    assert 'cut off' in broken


def live(bag: Path, journal: str) -> Path:
    """Copy a database as it is on disk while its recorder writes, in a journal mode of SQLite."""
    file, copy = stored(write(bag, SQLITE)), bag.with_name('live') / 'live.db3'
    copy.parent.mkdir()
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute(f'PRAGMA journal_mode={journal}').fetchall()
        database.execute('PRAGMA cache_size=1')  # pages go to the disk at once
        database.execute('BEGIN')
        data = image(FRAMES)
        database.executemany(
            'INSERT INTO messages(topic_id, timestamp, data) VALUES(1, ?, ?)',
            [(10**9 + FRAMES + n, data) for n in range(9)],
        )
        if journal == 'WAL':
            database.execute('COMMIT')
        for end in ('', f'-{journal.lower().replace("delete", "journal")}'):
            shutil.copy(f'{file}{end}', f'{copy}{end}')
        if journal != 'WAL':
            database.execute('ROLLBACK')
    return copy


@pytest.mark.parametrize('journal', ['WAL', 'DELETE'])
def test_a_journal_beside_a_database_is_heeded(journal: str, tmp_path: Path) -> None:
    file = live(tmp_path / 'bag', journal)
    before = {entry.name: entry.read_bytes() for entry in file.parent.iterdir()}
    assert len(before) == 2
    for path in (file, file.parent):
        source = open_source(path)
        frames = FRAMES + (9 if journal == 'WAL' else 0)  # the half of a transaction is undone
        assert len(list(source)) == len(source) == frames
        assert 'recorder of live.db3 was cut off' in source.broken
    assert {entry.name: entry.read_bytes() for entry in file.parent.iterdir()} == before


@pytest.mark.parametrize('storage', [MCAP, SQLITE])
@pytest.mark.parametrize('mode', [CompressionMode.FILE, CompressionMode.MESSAGE])
def test_compressed_without_metadata(
    storage: StoragePlugin, mode: CompressionMode, tmp_path: Path
) -> None:
    bag = write(tmp_path / 'bag', storage, mode)
    assert read(bag) == (list(range(FRAMES)), '')
    (bag / 'metadata.yaml').unlink()
    for path in (bag, stored(bag)):
        assert read(path) == (list(range(FRAMES)), '')
    if mode is CompressionMode.FILE:
        halved(stored(bag), 0.9)
        numbers, broken = read(bag)
        assert 20 < len(numbers) < FRAMES
        assert f'{stored(bag).name} was cut off' in broken


def use_no_plugin(metadata: Path) -> None:
    text = metadata.read_text().replace('storage_identifier: mcap', "storage_identifier: ''")
    metadata.write_text(text)


@pytest.mark.parametrize(
    'change',
    [
        use_no_plugin,
        Path.unlink,
        lambda metadata: metadata.write_text(''),
        lambda metadata: metadata.write_text(metadata.read_text()[:200]),
    ],
)
def test_metadata_of_no_use(change: Callable[[Path], object], tmp_path: Path) -> None:
    bag = write(tmp_path / 'bag')
    change(bag / 'metadata.yaml')
    assert read(bag) == (list(range(FRAMES)), '')
    assert "'ros2 bag reindex -s mcap" in ImageTopic(bag).note


def split(folder: Path, names: list[str]) -> Path:
    folder.mkdir()
    for place, name in enumerate(names):
        bag = write(
            folder.with_name(f'{folder.name}{place}'), numbers=range(place * 2, place * 2 + 2)
        )
        shutil.move(stored(bag), folder / name)
    return folder


def test_files_of_one_recording_are_read_in_their_order(tmp_path: Path) -> None:
    names = [f'drive_{number}.mcap' for number in range(11)]
    folder = split(tmp_path / 'drive', names)
    assert read(folder) == (list(range(22)), '')
    halved(folder / names[-1], 0.4)
    numbers, broken = read(folder)
    assert numbers in (list(range(20)), list(range(21)))
    assert 'drive_10.mcap' in broken


def test_several_recordings_in_a_folder_are_several(tmp_path: Path) -> None:
    folder = split(tmp_path / 'drives', ['monday.mcap', 'tuesday.mcap'])
    with pytest.raises(SourceError, match=r'name one of them: monday\.mcap, tuesday\.mcap'):
        open_source(folder)
    clips = find_clips(str(folder))
    assert [clip.name for clip in clips] == ['monday.mcap', 'tuesday.mcap']
    assert [len(list(open_source(clip.path))) for clip in clips] == [2, 2]


def test_a_storage_file_that_is_missing_is_named(tmp_path: Path) -> None:
    bag = write(tmp_path / 'bag')
    metadata = bag / 'metadata.yaml'
    metadata.write_text(metadata.read_text().replace('- bag.mcap', '- bag.mcap\n  - bag_1.mcap'))
    numbers, broken = read(bag)
    assert numbers == list(range(FRAMES))
    assert broken == 'bag_1.mcap is missing'


def test_a_bag_is_named_by_its_metadata_too(tmp_path: Path) -> None:
    assert len(list(open_source(write(tmp_path / 'bag') / 'metadata.yaml'))) == FRAMES


@pytest.mark.parametrize(
    'content', [b'', b'\x89MCAP', MAGIC, MAGIC + b'\0' * 500, b'no bag at all']
)
@pytest.mark.parametrize('suffix', ['.mcap', '.db3', '.mcap.zstd', '.db3.zstd'])
def test_nothing_to_read_is_one_line(suffix: str, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / f'bag{suffix}'
    file.write_bytes(content)
    for path in (file, tmp_path):
        with pytest.raises(SourceError, match=r'not a readable rosbag2|holds no images') as caught:
            open_source(path)
        assert '\n' not in str(caught.value)


@pytest.mark.parametrize('storage', list(StoragePlugin))
def test_names_may_be_in_capitals(storage: StoragePlugin, tmp_path: Path) -> None:
    file = stored(write(tmp_path / 'bag', storage=storage))
    capitals = file.rename(tmp_path / file.name.upper())
    assert read(capitals) == read(write(tmp_path / 'other', storage=storage))
