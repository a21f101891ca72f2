# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Coded pictures out of RTP payloads and into them: H.264 (RFC 6184) and H.265 (RFC 7798)."""

from collections.abc import Iterator

from siammcvae_core.detection.coded_picture import CodedPicture
from siammcvae_core.detection.nal_units import join_units, split_units, unit_type
from siammcvae_core.detection.rtp import CLOCK, RtpPacket

PAYLOAD = 1200  # bytes, so that a packet fits every network
_NANO = 10**9
_FRAGMENT = {'h264': 28, 'hevc': 49}
_AGGREGATE = {'h264': 24, 'hevc': 48}
_HEADER = {'h264': 1, 'hevc': 2}
_LAST_SLICE = {'h264': 5, 'hevc': 31}


class PictureAssembler:
    """Builds pictures from the payloads of packets in order, of 'h264' or 'hevc'."""

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._units: list[bytes] = []
        self._cut: list[int] = []
        self._part: bytearray | None = None  # of a unit in fragments
        self._timestamp: int | None = None  # unwrapped, of the picture at work
        self._origin: int | None = None
        self._lost = self._gap = False
        self._ended = True  # the picture before ended with its marker

    def push(self, packet: RtpPacket, lost: int = 0) -> Iterator[CodedPicture]:
        """Take the next packet, before which `lost` are missing; yields pictures that are complete.

        Where a whole picture is missing, one without data and without a stamp is yielded; where its
        units cannot be read since their beginnings are missing, one without data.
        """
        timestamp = self._unwrap(packet.timestamp)
        if lost:
            self._break()
        if timestamp != self._timestamp:
            yield from self.flush()
            whole = bool(lost) and self._ended and self._begins_picture(packet.payload)
            if whole:
                yield CodedPicture(b'', None, lost=True)
            # Else packets at the end of the picture before are missing, or at this one's beginning.
            self._lost = self._gap = bool(lost) and not whole
            self._timestamp, self._ended = timestamp, False
        self._take(packet.payload)
        if packet.marker:
            yield from self.flush()
            self._ended = True

    def flush(self) -> Iterator[CodedPicture]:
        """Yield the picture at work, whether its end has come or not."""
        if self._units or not self._ended:
            yield self._picture()

    def _unwrap(self, timestamp: int) -> int:
        if self._origin is None:
            self._origin = timestamp
        near = self._origin if self._timestamp is None else self._timestamp
        return near + ((timestamp - near + (1 << 31)) % (1 << 32) - (1 << 31))

    def _picture(self) -> CodedPicture:
        assert self._timestamp is not None
        assert self._origin is not None
        self._break(lost=False)
        stamp = round((self._timestamp - self._origin) * _NANO / CLOCK)
        units, cut = join_units(self._units), tuple(self._cut)
        picture = CodedPicture(units, stamp, self._lost, cut, self._gap)
        self._units, self._cut, self._lost, self._gap = [], [], False, False
        return picture

    def _break(self, lost: bool = True) -> None:
        """End a unit in fragments without its end; `lost`: the picture lacks something, too."""
        if self._part is not None:
            self._cut.append(len(self._units))
            self._units.append(bytes(self._part))
            self._part, self._lost = None, True
        self._lost |= lost

    def _begins_picture(self, payload: bytes) -> bool:
        """Tell whether a payload begins with the first slice of a picture, or with parameters."""
        header = _HEADER[self._codec]
        kind = unit_type(payload, self._codec)
        body = payload[header:]
        if kind == _FRAGMENT[self._codec] and body:
            if not body[0] & 0x80:
                return False
            kind, body = body[0] & (31 if self._codec == 'h264' else 63), body[1:]
        # first_mb_in_slice is 0, or first_slice_segment_in_pic_flag is 1: both a leading 1
        return kind > _LAST_SLICE[self._codec] or bool(body and body[0] & 0x80)

    def _take(self, payload: bytes) -> None:
        header = _HEADER[self._codec]
        if len(payload) <= header:
            return
        kind = unit_type(payload, self._codec)
        if kind == _AGGREGATE[self._codec]:
            at = header
            while at + 2 < len(payload):
                size = int.from_bytes(payload[at : at + 2], 'big')
                if size:
                    self._units.append(payload[at + 2 : at + 2 + size])
                at += 2 + size
        elif kind == _FRAGMENT[self._codec]:
            self._take_fragment(payload, header)
        else:
            self._break(lost=False)
            self._units.append(payload)

    def _take_fragment(self, payload: bytes, header: int) -> None:
        flags = payload[header]
        if flags & 0x80:
            self._break(lost=False)
            if self._codec == 'h264':
                self._part = bytearray([payload[0] & 0xE0 | flags & 31])
            else:
                self._part = bytearray([payload[0] & 0x81 | (flags & 63) << 1, payload[1]])
        if self._part is None:
            return  # its beginning is lost
        self._part += payload[header + 1 :]
        if flags & 0x40:
            self._units.append(bytes(self._part))
            self._part = None


class PicturePackets:
    """Cuts pictures into RTP packets, as a camera does; `source` is the SSRC."""

    def __init__(self, codec: str, sequence: int = 0, source: int = 1) -> None:
        self._codec, self._sequence, self._source = codec, sequence, source

    def packets(self, data: bytes, stamp: int) -> list[RtpPacket]:
        """Cut one picture, Annex B, that is shown at `stamp`, ns."""
        payloads = [part for unit in split_units(data) for part in self._payloads(unit)]
        timestamp = round(stamp * CLOCK / _NANO) % (1 << 32)
        packets = []
        for number, payload in enumerate(payloads, 1):
            marker = number == len(payloads)
            packets.append(RtpPacket(self._sequence, timestamp, payload, marker, 96, self._source))
            self._sequence = (self._sequence + 1) % (1 << 16)
        return packets

    def _payloads(self, unit: bytes) -> list[bytes]:
        if len(unit) <= PAYLOAD:
            return [unit]
        header, kind = _HEADER[self._codec], unit_type(unit, self._codec)
        if self._codec == 'h264':
            head = bytes([unit[0] & 0xE0 | _FRAGMENT['h264']])
        else:
            head = bytes([unit[0] & 0x81 | _FRAGMENT['hevc'] << 1, unit[1]])
        body = unit[header:]
        starts = range(0, len(body), PAYLOAD)
        return [
            head
            + bytes([kind | (0x80 if not at else 0) | (0x40 if at + PAYLOAD >= len(body) else 0)])
            + body[at : at + PAYLOAD]
            for at in starts
        ]
