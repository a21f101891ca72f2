# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags of recorders that were cut off; masks and images of every depth and channel count."""

from contextlib import closing
from pathlib import Path
import shutil
import sqlite3
import struct

import cv2
from fuzz.file_kind import FileKind, require, run
from fuzz.recordings import consume, FRAMES, masks, OUTPUT, pictures, write_bag
import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Reader, StoragePlugin, Writer

from siammcvae_core.data.bags import COMPRESSED, ImageTopic, TYPES
from siammcvae_core.data.recording import is_recording
from siammcvae_core.data.sources import open_masks
from siammcvae_core.restore.__main__ import main

TYPE = TYPES.types


def _cut(file: Path, share: float) -> None:
    with file.open('r+b') as opened:
        opened.truncate(int(file.stat().st_size * share))


def _write_cut(folder: Path) -> None:
    """Write recordings without metadata, and without the end of their files."""
    for name, storage, zstd in (
        ('plain', StoragePlugin.MCAP, False),
        ('packed', StoragePlugin.MCAP, True),
        ('database', StoragePlugin.SQLITE3, False),
    ):
        bag = folder / name
        write_bag(bag, storage, compressed=False, zstd=zstd)
        (bag / 'metadata.yaml').unlink()
        (file,) = bag.iterdir()
        _cut(file, 0.8)


def _write_journal(folder: Path) -> None:
    """Write a database as its recorder leaves it when it is killed."""
    bag = folder / 'closed'
    write_bag(bag, StoragePlugin.SQLITE3, compressed=False)
    (folder / 'bag').mkdir()
    with closing(sqlite3.connect(bag / 'closed.db3')) as database:
        database.execute('PRAGMA journal_mode=WAL').fetchall()
        database.execute('UPDATE messages SET timestamp = timestamp + 1')
        database.commit()
        for end in ('', '-wal'):
            shutil.copy(bag / f'closed.db3{end}', folder / 'bag' / f'bag.db3{end}')
    shutil.rmtree(bag)


def _write_packed(folder: Path) -> None:
    """Write a recording in a compressed file, without metadata."""
    write_bag(folder / 'plain', StoragePlugin.MCAP, compressed=False)
    writer = Writer(folder / 'bag', version=9, storage_plugin=StoragePlugin.MCAP)
    writer.set_compression(CompressionMode.FILE, CompressionFormat.ZSTD)
    with Reader(folder / 'plain') as reader, writer:
        topics = {
            c.id: writer.add_connection(c.topic, c.msgtype, typestore=TYPES)
            for c in reader.connections
        }
        for connection, time, data in reader.messages():
            writer.write(topics[connection.id], time, data)
    shutil.rmtree(folder / 'plain')
    (folder / 'bag' / 'metadata.yaml').unlink()


def _read(folder: Path, target: Path) -> None:
    consume(target.parent, '/image_raw')
    if is_recording(target):
        consume(target, '/image_raw')


def _write_masks(folder: Path) -> None:
    mask = masks()[3]
    kinds = {
        '0.png': mask.astype(np.uint16) // 255,
        '1.png': np.dstack([mask, mask, mask, np.full_like(mask, 255)]),
        '2.png': np.dstack([mask, mask, mask]).astype(np.uint16),
        '3.tif': mask.astype(np.float32) / 1000,
        '4.pgm': mask.astype(np.uint16),
        '5.bmp': np.dstack([mask, mask, mask]),
    }
    (folder / 'lost').mkdir()
    for name, image in kinds.items():
        cv2.imwrite(str(folder / 'lost' / name), image)


def _read_masks(folder: Path, target: Path) -> None:
    for source in (folder / 'lost', target):
        for frame in open_masks(str(source)):
            require(frame.image.ndim == 2, f'mask of shape {frame.image.shape}')
            require(set(np.unique(frame.image)) <= {0, 255}, 'a mask of other values')


def _turned(data: bytes) -> bytes:
    tiff = b'MM\0*\0\0\0\x08' + struct.pack('>HHHIHHI', 1, 0x112, 3, 1, 6, 0, 0)
    exif = b'Exif\0\0' + tiff
    return data[:2] + b'\xff\xe1' + struct.pack('>H', len(exif) + 2) + exif + data[2:]


def _write_odd_images(folder: Path) -> None:
    """Write a bag of compressed images, some that cannot be restored, and masks of 16 bits."""
    with Writer(folder / 'bag', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        images = writer.add_connection('/image_raw', COMPRESSED, typestore=TYPES)
        lost = writer.add_connection('/fault_mask', COMPRESSED, typestore=TYPES)
        for number, (image, mask) in enumerate(zip(pictures(), masks(), strict=True)):
            kinds = (
                cv2.imencode('.png', image)[1].tobytes(),
                cv2.imencode('.png', np.dstack([image, mask]))[1].tobytes(),
                cv2.imencode('.png', image.astype(np.uint16))[1].tobytes(),
                _turned(cv2.imencode('.jpg', image)[1].tobytes()),
            )
            packed = cv2.imencode('.png', mask.astype(np.uint16))[1].tobytes()
            for topic, data in ((lost, packed), (images, kinds[(number + 2) % 4])):
                stamp = TYPE['builtin_interfaces/msg/Time'](0, number // 2)  # unset, repeated
                header = TYPE['std_msgs/msg/Header'](stamp, 'front')
                message = TYPE[COMPRESSED](header, 'JPEG', np.frombuffer(data, np.uint8))
                writer.write(topic, number * 10**8, TYPES.serialize_cdr(message, COMPRESSED))
    require(FRAMES > 4, 'an image of every kind')


def _restore_odd_images(folder: Path, target: Path) -> None:
    arguments = [str(folder / 'bag'), str(folder / 'restored')]
    run(main, [*arguments, '--topic', '/image_raw', '--weights', 'none'])
    restored = ImageTopic(folder / 'restored', '/image_raw')
    require(sum(1 for _ in restored) == len(restored), 'images that are not there')


KINDS = (
    FileKind('bag without its end', _write_cut, _read),
    FileKind('bag with a journal', _write_journal, _read, named=('bag.db3',)),
    FileKind('bag in a packed file', _write_packed, _read),
    FileKind('masks, pictures', _write_masks, _read_masks),
    FileKind(
        'restore, bag of odd images', _write_odd_images, _restore_odd_images, leaves=OUTPUT,
    ),
)  # fmt: skip
