# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Video files without their end, by the sizes that their headers state.

FFmpeg plays what there is of an AVI or Matroska file and says nothing of what is missing.
"""

from pathlib import Path
import struct
from typing import BinaryIO

EBML, SEGMENT = bytes.fromhex('1a45dfa3'), bytes.fromhex('18538067')
UNKNOWN = 2**32 - 1  # as the size of an AVI that was written into a pipe


def missing_bytes(path: Path) -> int:
    """Count the bytes that a file lacks; 0 for one that is whole or does not say."""
    with path.open('rb') as file:
        end = file.seek(0, 2)
        file.seek(0)
        stated = _avi_size(file, end) or _matroska_size(file)
    return max(0, stated - end)


def _avi_size(file: BinaryIO, end: int) -> int:
    """Follow the RIFF lists of an AVI: one, or one for every gigabyte."""
    at, kinds = 0, (b'AVI ',)
    while at < end:
        file.seek(at)
        head = file.read(12)
        if len(head) < 12 or head[:4] != b'RIFF' or head[8:] not in kinds:
            break
        (size,) = struct.unpack_from('<I', head, 4)
        if size in (0, UNKNOWN):  # the recorder never came back to state it
            break
        at, kinds = at + 8 + size, (b'AVIX',)
    # Some recorders count the 8 bytes in front, too.
    return at if at - end > 8 else 0


def _matroska_size(file: BinaryIO) -> int:
    """Return where the segment ends; 0 where a live recording leaves that open."""
    file.seek(0)
    if file.read(4) != EBML:
        return 0
    file.seek(_number(file) or 0, 1)
    if file.read(4) != SEGMENT:
        return 0
    size = _number(file)
    return file.tell() + size if size is not None else 0


def _number(file: BinaryIO) -> int | None:
    """Read a number of 1 to 8 bytes; the zeros before the first 1 say how many; None if unknown."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(length - 1), 'big') & ((1 << 7 * length) - 1)
    return None if value == (1 << 7 * length) - 1 else value
