# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bits and Exp-Golomb numbers of the headers of H.264 (ITU-T H.264, 7.2 and 9.1)."""

import re

_ESCAPED = re.compile(rb'(?<=\x00\x00)\x03')
_TO_ESCAPE = re.compile(rb'\x00\x00(?=[\x00-\x03])')


class BitReader:
    """Reads a payload from its first bit on; `position` is the number of the next one.

    Beyond the end it raises EOFError.
    """

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self.position = 0

    def bits(self, count: int) -> int:
        """Read an unsigned number of `count` bits, u(n)."""
        end = self.position + count
        if end > 8 * len(self._payload):
            raise EOFError('the header is cut short')
        word = int.from_bytes(self._payload[self.position // 8 : -(-end // 8)], 'big')
        self.position = end
        return word >> (-end % 8) & ((1 << count) - 1)

    def unsigned(self) -> int:
        """Read an unsigned Exp-Golomb number, ue(v): n zeros, a one, n bits."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
        return (1 << zeros) - 1 + self.bits(zeros)

    def signed(self) -> int:
        """Read a signed Exp-Golomb number, se(v): 0, 1, -1, 2, -2, ..."""
        number = self.unsigned()
        return (number + 1) // 2 if number % 2 else -(number // 2)


def write_bits(payload: bytes, position: int, count: int, value: int) -> bytes:
    """Put an unsigned number of `count` bits in the place of those at `position`."""
    shift = 8 * len(payload) - position - count
    mask = ((1 << count) - 1) << shift
    number = int.from_bytes(payload, 'big') & ~mask | value << shift
    return number.to_bytes(len(payload), 'big')


def unescape(data: bytes) -> bytes:
    """Take out the bytes that keep start codes from occurring (7.4.1.1)."""
    return _ESCAPED.sub(b'', data)


def escape(payload: bytes) -> bytes:
    """Put in the bytes that keep start codes from occurring."""
    return _TO_ESCAPE.sub(b'\0\0\3', payload)
