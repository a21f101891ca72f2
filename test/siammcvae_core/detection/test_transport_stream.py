# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures out of MPEG transport streams: as FFmpeg reads them, and where packets are missing."""

import av
import numpy as np
import pytest
from support.transport_stream import beginnings, packets_of, write_stream

from siammcvae_core.detection.nal_units import split_units
from siammcvae_core.detection.transport_stream import PACKET, read_pictures, TransportStream


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    return write_stream(tmp_path_factory.mktemp('stream') / 'whole.ts')


def read(packets):
    stream = TransportStream()
    return list(read_pictures(packets, stream)), stream


@pytest.mark.parametrize(('codec', 'bframes'), [('libx264', 0), ('libx264', 2), ('libx265', 2)])
def test_pictures_are_those_that_ffmpeg_reads(tmp_path, codec, bframes):
    path = write_stream(tmp_path / 'clip.ts', codec=codec, bframes=bframes)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    pictures, stream = read(packets_of(path))
    assert (stream.codec, stream.lost) == (packets[0].stream.codec_context.name, 0)
    assert [split_units(one.data) for one in pictures] == [
        split_units(bytes(packet)) for packet in packets
    ]
    first = packets[0].pts
    for picture, packet in zip(pictures, packets, strict=True):
        assert (picture.lost, picture.cut, picture.gap) == (False, (), False)
        assert picture.stamp == round((packet.pts - first) * packet.time_base * 10**9)


def test_a_unit_ends_where_packets_are_missing(path):
    packets = packets_of(path)
    whole, _ = read(packets)
    start = beginnings(packets)[4]
    pictures, stream = read(packets[: start + 2] + packets[start + 4 :])
    assert stream.lost == 2
    assert [picture.lost for picture in pictures] == [at == 4 for at in range(len(whole))]
    units, cut = split_units(pictures[4].data), pictures[4].cut
    full = split_units(whole[4].data)
    assert len(cut) == 1
    (at,) = cut
    assert units[:at] == full[:at]
    assert full[at].startswith(units[at])
    assert len(units[at]) < len(full[at])
    assert set(units[at + 1 :]) <= set(full[at + 1 :])


def test_packets_missing_between_pictures_leave_a_gap(path):
    packets = packets_of(path)
    starts = beginnings(packets)
    pictures, _ = read(packets[: starts[5] - 1] + packets[starts[6] :])
    assert [picture.lost for picture in pictures[3:8]] == [False, True, True, False, False]
    assert [picture.gap for picture in pictures[3:8]] == [False, False, True, False, False]
    assert pictures[5].stamp - pictures[4].stamp == 2 * 40_000_000


def test_packets_that_come_twice_are_taken_once(path):
    packets = packets_of(path)
    whole, _ = read(packets)
    assert read([one for one in packets for _ in range(2)])[0] == whole


def test_stamps_go_on_where_their_clock_wraps():
    stream, stamps = TransportStream(), []
    tables = [
        '47400010 00 00b00d 0001 c1 00 00 0001 f000 00000000',
        '47500010 00 02b012 0001 c1 00 00 e100 f000 1b e100 f000 00000000',
    ]
    for table in tables:
        list(stream.push(bytes.fromhex(table).ljust(PACKET, b'\xff')))
    for number in range(4):
        ticks = (2**33 - 3600 + 3600 * number) % 2**33
        stamp = bytes(
            [
                ticks >> 29 & 14 | 0x21,
                ticks >> 22 & 255,
                ticks >> 14 & 254 | 1,
                ticks >> 7 & 255,
                ticks << 1 & 254 | 1,
            ]
        )
        head = bytes([0x47, 0x41, 0, 0x10 | number]) + b'\0\0\1\xe0\0\0\x80\x80\5' + stamp
        body = head + b'\0\0\1\x65\x88'
        stamps += [one.stamp for one in stream.push(body.ljust(PACKET, b'\x80'))]
    stamps += [one.stamp for one in stream.flush()]
    assert stamps == [40_000_000 * number for number in range(4)]


def test_any_bytes_may_come(path):
    rng = np.random.default_rng(0)
    packets = packets_of(path)[:60]
    for _ in range(300):
        damaged = []
        for packet in packets:
            data = bytearray(packet)
            for at in np.flatnonzero(rng.random(PACKET) < rng.choice([0, 0.001, 0.05])):
                data[at] = rng.integers(256)
            damaged.append(bytes(data[: rng.choice([PACKET, PACKET, rng.integers(PACKET)])]))
        for picture in read(damaged)[0]:
            assert all(at < len(split_units(picture.data)) for at in picture.cut)
