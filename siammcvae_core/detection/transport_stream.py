# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Coded pictures out of an MPEG transport stream (ISO/IEC 13818-1), with every gap known.

FFmpeg's demultiplexer joins what is left of a picture where packets are missing. Decoders then read
beyond the gap as if nothing had happened, and nobody can tell where the damage begins.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from siammcvae_core.detection.coded_picture import CodedPicture
from siammcvae_core.detection.nal_units import join_units, split_units

PACKET = 188  # bytes
SYNC = 0x47
CLOCK = 90_000  # ticks of presentation time stamps per second
CODECS = {0x1B: 'h264', 0x24: 'hevc'}  # by stream type
_STAMP_BITS = 33
_NANO = 10**9


class TransportStream:
    """Reads packets of a transport stream with one programme; `codec` is '' until it is known.

    `packets`, `lost`: of the video. Each PES packet must hold one picture, as those of cameras do.
    """

    def __init__(self) -> None:
        self.codec = ''
        self.packets = self.lost = 0
        self._tables: int | None = None  # the packet identifier of the table of streams
        self._video: int | None = None
        self._counter: int | None = None
        self._parts: list[bytearray] | None = None  # of the picture at work, apart at its gaps
        self._stamp: int | None = None  # unwrapped ticks
        self._first_stamp: int | None = None
        self._gap = False

    def push(self, packet: bytes) -> Iterator[CodedPicture]:
        """Take a packet of PACKET bytes; yields the picture before if this one begins another."""
        if len(packet) != PACKET or packet[0] != SYNC or packet[1] & 0x80:
            return  # it is missing, as its counter will tell
        identity = (packet[1] & 0x1F) << 8 | packet[2]
        begins = bool(packet[1] & 0x40)
        has_data, has_field = packet[3] & 0x10, packet[3] & 0x20
        data = packet[5 + packet[4] :] if has_field else packet[4:]
        restarts = has_field and packet[4] and packet[5] & 0x80
        if identity == 0 and begins:
            self._tables = _programme(data)
        elif identity == self._tables and begins:
            self._video, self.codec = _video(data, self._video, self.codec)
        elif identity == self._video and has_data:
            yield from self._take(data, begins, packet[3] & 15, bool(restarts))

    def flush(self) -> Iterator[CodedPicture]:
        """Yield the picture at work."""
        if self._parts is not None:
            yield self._picture()

    def _take(
        self, data: bytes, begins: bool, counter: int, restarts: bool
    ) -> Iterator[CodedPicture]:
        if counter == self._counter and not restarts:
            return  # sent twice
        expected = counter if self._counter is None or restarts else (self._counter + 1) % 16
        missing = (counter - expected) % 16
        self._counter = counter
        self.packets += 1
        self.lost += missing
        if missing and self._parts is not None:
            self._parts.append(bytearray())
        if begins:
            yield from self.flush()
            self._gap = bool(missing)
            self._parts, self._stamp = [bytearray()], self._read_stamp(data)
            data = data[9 + data[8] :] if len(data) > 8 else b''
        if self._parts is not None:
            self._parts[-1] += data

    def _read_stamp(self, data: bytes) -> int | None:
        """Read when a picture is to be shown, and unwrap it."""
        if len(data) < 14 or not data[7] & 0x80:
            return None
        high, middle, low = data[9] >> 1 & 7, data[10:12], data[12:14]
        ticks = high << 30
        ticks |= (int.from_bytes(middle, 'big') >> 1) << 15 | int.from_bytes(low, 'big') >> 1
        last = self._stamp if self._stamp is not None else self._first_stamp
        if last is None:
            self._first_stamp = ticks
            return ticks
        half = 1 << (_STAMP_BITS - 1)
        return last + ((ticks - last + half) % (2 * half) - half)

    def _picture(self) -> CodedPicture:
        parts = self._parts or []
        units: list[bytes] = []
        cut = []
        for number, part in enumerate(parts):
            # What comes before the first start code behind a gap cannot be decoded.
            found = split_units(bytes(part))
            if not found and number and units:
                continue
            units += found
            if number < len(parts) - 1 and units:
                cut.append(len(units) - 1)
        stamp = None
        if self._stamp is not None and self._first_stamp is not None:
            stamp = round((self._stamp - self._first_stamp) * _NANO / CLOCK)
        lost = len(parts) > 1 or self._gap
        self._parts = None
        return CodedPicture(join_units(units), stamp, lost, tuple(sorted(set(cut))), self._gap)


def read_pictures(packets: Iterable[bytes], stream: TransportStream) -> Iterator[CodedPicture]:
    """Read all packets of a stream to its end."""
    yield from chain.from_iterable(map(stream.push, packets))
    yield from stream.flush()


def _programme(data: bytes) -> int | None:
    """Read the first programme of a programme association table: where its streams are listed."""
    section = _section(data)
    for at in range(8, len(section) - 7, 4):
        if int.from_bytes(section[at : at + 2], 'big'):  # 0 is the network's
            return int.from_bytes(section[at + 2 : at + 4], 'big') & 0x1FFF
    return None


def _video(data: bytes, video: int | None, codec: str) -> tuple[int | None, str]:
    """Read identifier and codec of the first video from a table; as they were if it has none."""
    section = _section(data)
    if len(section) < 12:
        return video, codec
    at = 12 + ((section[10] & 15) << 8 | section[11])
    while at + 5 <= len(section) - 4:
        if section[at] in CODECS:
            identity = int.from_bytes(section[at + 1 : at + 3], 'big') & 0x1FFF
            return identity, CODECS[section[at]]
        at += 5 + ((section[at + 3] & 15) << 8 | section[at + 4])
    return video, codec


def _section(data: bytes) -> bytes:
    """Return a table that begins in a packet; its checksum is the last four bytes."""
    section = data[1 + data[0] :] if data else b''
    if len(section) < 3:
        return b''
    return section[: 3 + ((section[1] & 15) << 8 | section[2])]
