# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""NAL units of H.264 and H.265 byte streams: where they begin, and what they carry."""

import re

START = b'\0\0\0\1'
_START_CODE = re.compile(rb'\x00?\x00\x00\x01')
_SLICES = {'h264': range(1, 6), 'hevc': range(32)}
_KEY_SLICES = {'h264': (5,), 'hevc': range(16, 22)}  # IDR; intra random access points


def split_units(data: bytes) -> list[bytes]:
    r"""Split an Annex B byte stream into its NAL units, without their start codes.

    >>> split_units(bytes.fromhex('00000001 65 aa 000001 41 bb'))
    [b'e\\xaa', b'A\\xbb']
    """
    found = list(_START_CODE.finditer(data))
    ends = [*(match.start() for match in found), len(data)][1:]
    units = [data[match.end() : end] for match, end in zip(found, ends, strict=True)]
    return [unit for unit in units if unit]


def join_units(units: list[bytes]) -> bytes:
    """Write NAL units as an Annex B byte stream."""
    return b''.join(START + unit for unit in units)


def unit_type(unit: bytes, codec: str) -> int:
    """Read the type of a NAL unit; `codec` is 'h264' or 'hevc'."""
    return unit[0] & 31 if codec == 'h264' else unit[0] >> 1 & 63


def has_slice(data: bytes, codec: str) -> bool:
    """Tell whether a byte stream carries any of a picture, not parameters alone."""
    return any(unit_type(unit, codec) in _SLICES[codec] for unit in split_units(data))


def is_key_picture(data: bytes, codec: str) -> bool:
    """Tell whether a picture, as Annex B, can be decoded without any before it."""
    return any(unit_type(unit, codec) in _KEY_SLICES[codec] for unit in split_units(data))
