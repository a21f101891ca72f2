# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""RTP packets in, coded pictures out, with every gap in the sequence known (RFC 3550).

Libraries that read RTP hide the gaps; without them the loss of a whole picture cannot be seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
import struct

CLOCK = 90_000  # ticks of RTP time stamps per second, for every video payload
REORDERED = 32  # packets that may overtake one before it counts as lost
_HALF = 1 << 15


@dataclass(frozen=True)
class RtpPacket:
    """One RTP packet: `sequence` of 16 bits, `timestamp` of 32 bits, `marker` ends a picture."""

    sequence: int
    timestamp: int
    payload: bytes
    marker: bool = False
    payload_type: int = 96
    source: int = 0

    def to_bytes(self) -> bytes:
        """Write the packet as it goes into a datagram."""
        second = self.marker << 7 | self.payload_type
        head = struct.pack('>BBHII', 0x80, second, self.sequence, self.timestamp, self.source)
        return head + self.payload


def parse_packet(datagram: bytes) -> RtpPacket | None:
    """Read an RTP packet; None for anything else, such as RTCP."""
    if len(datagram) < 12 or datagram[0] >> 6 != 2 or 192 <= datagram[1] <= 223:
        return None
    first, second, sequence, timestamp, source = struct.unpack_from('>BBHII', datagram)
    begin, end = 12 + 4 * (first & 15), len(datagram)
    if first & 0x10:
        if len(datagram) < begin + 4:
            return None
        begin += 4 + 4 * int.from_bytes(datagram[begin + 2 : begin + 4], 'big')
    if first & 0x20:
        end -= datagram[-1]
    if end <= begin:
        return None
    payload = datagram[begin:end]
    return RtpPacket(sequence, timestamp, payload, bool(second & 128), second & 127, source)


class PacketOrder:
    """Puts packets of one sender in order; `lost`, `late` and `foreign` count what is left out.

    A packet is lost when REORDERED later ones have come; if it comes then, it is late. Packets of
    another sender on the same port are foreign, until the first has been silent for so many.
    """

    def __init__(self) -> None:
        self.received = self.lost = self.late = self.foreign = 0
        self._source: int | None = None
        self._next: int | None = None  # unwrapped sequence number
        self._early: dict[int, RtpPacket] = {}
        self._foreign_run = 0

    def push(self, packet: RtpPacket) -> Iterator[tuple[RtpPacket, int]]:
        """Take a packet; yields those that are in order, with how many were lost before each."""
        if self._source is not None and packet.source != self._source:
            self.foreign += 1
            self._foreign_run += 1
            if self._foreign_run <= REORDERED:
                return
            yield from self.flush()
            self._next = None
        self._source, self._foreign_run = packet.source, 0
        self.received += 1
        if self._next is None:
            self._next = packet.sequence
        number = self._next + ((packet.sequence - self._next + _HALF) % (2 * _HALF) - _HALF)
        if number < self._next:
            self.late += 1
            if self._next - number <= REORDERED or self._early:
                return
            self._next = number  # the sender has begun anew
        self._early[number] = packet
        yield from self._ready(REORDERED)

    def flush(self) -> Iterator[tuple[RtpPacket, int]]:
        """Yield what still waits for a packet before it."""
        yield from self._ready(0)

    def _ready(self, patience: int) -> Iterator[tuple[RtpPacket, int]]:
        while self._early and self._next is not None:
            first = min(self._early)
            missing = first - self._next
            if missing and max(self._early) - self._next < patience:
                return
            self.lost += missing
            self._next = first + 1
            yield self._early.pop(first), missing
