# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The aspect of pixels in a Matroska file, for which PyAV has no setting.

A half turn is declared when the file is written, and then overwritten with the aspect: both take
14 bytes of the header.
"""

from fractions import Fraction
from math import gcd
from pathlib import Path
import struct

import av

from siammcvae_core.errors import InputError

OPTIONS = {'write_crc32': '0'}  # of the muxer: the header has no checksum of what is overwritten
HEADER = 1 << 16  # bytes in which it lies
CLUSTER = bytes.fromhex('1f43b675')  # where the first frames begin
HALF_TURN = bytes.fromhex('76708b 767588') + struct.pack('>d', 180)  # Projection, its PoseRoll
UNKNOWN_UNIT, RATIO_UNIT = bytes.fromhex('54b28104'), bytes.fromhex('54b28103')  # DisplayUnit
DISPLAY_WIDTH, DISPLAY_HEIGHT = bytes.fromhex('54b084'), bytes.fromhex('54ba84')  # of 4 bytes each


def reserve_aspect(stream: av.VideoStream) -> None:
    """Make room for `write_aspect` in the header of a file opened with `OPTIONS`."""
    stream.set_display_rotation(180)


def write_aspect(path: Path, size: tuple[int, int], aspect: Fraction) -> None:
    """Set the width of a pixel over its height in a file of `size` (width, height)."""
    width, height = size[0] * aspect.numerator, size[1] * aspect.denominator
    common = gcd(width, height)
    display = DISPLAY_WIDTH + struct.pack('>I', width // common)
    display += DISPLAY_HEIGHT + struct.pack('>I', height // common)
    with path.open('r+b') as file:
        header = file.read(HEADER).split(CLUSTER)[0]
        if header.count(HALF_TURN) != 1 or header.count(UNKNOWN_UNIT) != 1:
            raise InputError(f'{path}: the aspect of its pixels, {aspect}, cannot be written')
        header = header.replace(HALF_TURN, display).replace(UNKNOWN_UNIT, RATIO_UNIT)
        file.seek(0)
        file.write(header)
