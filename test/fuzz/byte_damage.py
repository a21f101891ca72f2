# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Damage to the bytes of a file: by disks, by interrupted copies, on purpose."""

from collections.abc import Callable, Sequence
import pickle
from random import Random
import re
import struct
import zlib

EDGES = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
"""Edge cases of counts and lengths."""
MCAP = b'\x89MCAP0\r\n'
MCAP_CHUNK = 6
PNG = b'\x89PNG\r\n\x1a\n'

Damage = Callable[[Random, bytes], bytes]


class _Call:
    """Pickles as a call that no reader may make."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        import os

        return os.system, ('true',)


def flip_bits(rng: Random, data: bytes) -> bytes:
    """Flip up to 32 bits."""
    flipped = bytearray(data)
    for _ in range(rng.choice((1, 1, 4, 32))):
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def overwrite(rng: Random, data: bytes) -> bytes:
    """Replace a range by zeros, ones or noise."""
    first, last = _range(rng, data)
    length = last - first
    filling = rng.choice((bytes(length), b'\xff' * length, rng.randbytes(length)))
    return data[:first] + filling + data[last:]


def truncate(rng: Random, data: bytes) -> bytes:
    """Cut the end off."""
    return data[: rng.choice((0, 1, 8, rng.randrange(len(data)), len(data) - 1))]


def insert(rng: Random, data: bytes) -> bytes:
    """Insert noise."""
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.randbytes(rng.choice((1, 4, 100, 5000))) + data[place:]


def remove(rng: Random, data: bytes) -> bytes:
    """Remove a range."""
    first, last = _range(rng, data)
    return data[:first] + data[last:]


def repeat(rng: Random, data: bytes) -> bytes:
    """Repeat a range."""
    first, last = _range(rng, data)
    return data[:last] + data[first:last] * rng.choice((1, 1, 3, 30)) + data[last:]


def swap(rng: Random, data: bytes) -> bytes:
    """Swap two blocks."""
    a, b, c, d = sorted(rng.randrange(len(data) + 1) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def absurd_number(rng: Random, data: bytes) -> bytes:
    """Write an implausible number, often near a tag, where headers have lengths and counts."""
    width = rng.choice((1, 2, 4, 4, 8))
    number = rng.choice(EDGES) & (256**width - 1)
    if rng.random() < 0.2:  # just below zero
        number = 256**width - rng.randint(1, 16)
    tags = [found.start() for found in re.finditer(rb'[A-Za-z]{4}', data[:65536])]
    near_tag = rng.choice(tags) + rng.randint(-16, 24) if tags else 0
    place = rng.choice((rng.randrange(len(data)), rng.randrange(min(64, len(data))), near_tag))
    place = min(max(0, place), max(0, len(data) - width))
    written = number.to_bytes(width, rng.choice(('big', 'little')))
    return data[:place] + written + data[place + width :]


def a_pickle(rng: Random, data: bytes) -> bytes:
    """Replace the file by a pickle that runs a command, or put one before it."""
    bare = pickle.dumps(_Call())
    return bare + (data if rng.random() < 0.5 else b'')


def png_claim(rng: Random, data: bytes) -> bytes:
    """Change the header of a PNG, with a valid checksum."""
    if not data.startswith(PNG) or len(data) < 33:
        return absurd_number(rng, data)
    header = bytearray(data[12:29])  # name, width, height, depth, colour, ...
    if rng.random() < 0.6:
        struct.pack_into('>I', header, rng.choice((4, 8)), rng.choice(EDGES[:-2]))
    else:
        header[rng.randrange(12, 17)] = rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
    return data[:12] + header + struct.pack('>I', zlib.crc32(header)) + data[33:]


def mcap_chunk(rng: Random, data: bytes) -> bytes:
    """Damage messages of an MCAP file, in a chunk whose checksum is switched off."""
    place = len(MCAP)
    while data.startswith(MCAP) and place + 9 <= len(data):
        length = int.from_bytes(data[place + 1 : place + 9], 'little')
        if data[place] == MCAP_CHUNK:
            first, last = place + 9, min(place + 9 + length, len(data))
            body = bytearray(data[first:last])
            body[24:28] = bytes(4)
            damaged = rng.choice((flip_bits, overwrite, absurd_number))(rng, bytes(body[40:]))
            return data[:first] + body[:40] + damaged + data[last:]
        place += 9 + length
    return flip_bits(rng, data)


BYTE_DAMAGES: Sequence[Damage] = (
    flip_bits, flip_bits, overwrite, truncate, insert, remove, repeat, swap, absurd_number,
    absurd_number, absurd_number, a_pickle,
)  # fmt: skip
FORMAT_DAMAGES: dict[str, Damage] = {'.png': png_claim, '.mcap': mcap_chunk}
"""By suffix, further damage for files of a format."""


def _range(rng: Random, data: bytes) -> tuple[int, int]:
    first = rng.randrange(len(data))
    return first, min(len(data), first + rng.choice((1, 8, 64, 1024, len(data))))
