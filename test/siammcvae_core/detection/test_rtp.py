# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""RTP packets over real sockets, lost and reordered on the way: pictures and gaps come out."""

import socket

import numpy as np
import pytest
from support.coded_stream import drive_frames, encode

from siammcvae_core.detection.coded_picture import CodedPicture
from siammcvae_core.detection.nal_units import split_units
from siammcvae_core.detection.rtp import PacketOrder, parse_packet, REORDERED, RtpPacket
from siammcvae_core.detection.rtp_pictures import PictureAssembler, PicturePackets
from siammcvae_core.errors import InputError
from siammcvae_core.faults.packet_loss import LossyRelay, PacketLoss


@pytest.fixture(scope='module')
def frames():
    return drive_frames(12, (320, 192))


def through_network(codec, packets, loss=0.0, reorder=0.0, first=65530):
    """Send pictures over loopback; returns those that come out, their order, and what was lost."""
    order, assembler, sender = PacketOrder(), PictureAssembler(codec), PicturePackets(codec, first)
    pictures = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(('127.0.0.1', 0))
        receiver.settimeout(5)
        relay = LossyRelay(receiver.getsockname(), PacketLoss(loss, 1, 1), reorder, 3, 1)
        sent = [p for data, stamp in packets for p in sender.packets(data, stamp)]
        for packet in sent:
            relay.send(packet.to_bytes())
        relay.close()
        for _ in range(len(sent) - relay.lost):
            packet = parse_packet(receiver.recv(65536))
            for ready, lost in order.push(packet):
                pictures += assembler.push(ready, lost)
    for ready, lost in order.flush():
        pictures += assembler.push(ready, lost)
    return pictures, order, relay.lost


@pytest.mark.parametrize('codec', ['h264', 'hevc'])
@pytest.mark.parametrize('reorder', [0.0, 0.2])
def test_pictures_come_out_as_they_went_in_whatever_the_order(frames, codec, reorder):
    packets = encode(frames, codec, slices=2, bframes=2)
    pictures, order, _ = through_network(codec, packets, reorder=reorder)
    assert len(pictures) == len(packets)
    origin = packets[0][1]
    for picture, (data, stamp) in zip(pictures, packets, strict=True):
        assert split_units(picture.data) == split_units(data)
        assert (picture.stamp, picture.lost, picture.cut) == (stamp - origin, False, ())
    assert (order.lost, order.late, order.foreign) == (0, 0, 0)


@pytest.mark.parametrize('codec', ['h264', 'hevc'])
def test_every_picture_that_lacks_something_says_so(frames, codec):
    packets = encode(frames, codec, slices=2)
    whole = {stamp - packets[0][1]: split_units(data) for data, stamp in packets}
    pictures, order, lost = through_network(codec, packets, loss=0.2)
    assert order.lost in (lost, lost - 1)  # the last packet has none behind it
    assert any(picture.lost for picture in pictures)
    assert any(picture.cut for picture in pictures)
    for picture in pictures[:-1]:
        if not picture.lost:
            assert split_units(picture.data) == whole[picture.stamp]
        for number in picture.cut:
            unit = split_units(picture.data)[number]
            assert any(full.startswith(unit) for full in whole[picture.stamp])


def test_a_whole_picture_that_is_lost_is_one_without_data(frames):
    packets = encode(frames)
    sender, order, assembler = PicturePackets('h264'), PacketOrder(), PictureAssembler('h264')
    pictures = []
    for number, (data, stamp) in enumerate(packets):
        for packet in sender.packets(data, stamp):
            if number != 4:
                for ready, lost in order.push(packet):
                    pictures += assembler.push(ready, lost)
    for ready, lost in order.flush():
        pictures += assembler.push(ready, lost)
    assert pictures[4] == CodedPicture(b'', None, lost=True)
    assert [picture.lost for picture in pictures] == [i == 4 for i in range(len(packets))]


@pytest.mark.parametrize('missing', ['first', 'last'])
def test_a_picture_that_lacks_its_first_or_last_packet_is_lost(frames, missing):
    """Without the first fragment nothing of a unit can be used.

    Behind a last one that is missing, the next picture may lack something, too.
    """
    packets = [
        PicturePackets('h264', sequence=100 * number).packets(data, stamp)
        for number, (data, stamp) in enumerate(encode(frames))
    ]
    broken = next(number for number, parts in enumerate(packets) if number and len(parts) > 1)
    assembler, pictures = PictureAssembler('h264'), []
    lost = 0
    for number, parts in enumerate(packets):
        for place, packet in enumerate(parts):
            if number == broken and place == (0 if missing == 'first' else len(parts) - 1):
                lost = 1
                continue
            pictures += assembler.push(packet, lost)
            lost = 0
    pictures += assembler.flush()
    assert len(pictures) == len(packets)
    marked = [number for number, picture in enumerate(pictures) if picture.lost]
    assert marked == ([broken] if missing == 'first' else [broken, broken + 1])
    gaps = [number for number, picture in enumerate(pictures) if picture.gap]
    assert gaps == ([broken] if missing == 'first' else [broken + 1])


def test_time_stamps_and_sequence_numbers_may_wrap():
    assembler, order = PictureAssembler('h264'), PacketOrder()
    stamps = []
    for number in range(6):
        timestamp = ((1 << 32) - 9000 + 3600 * number) % (1 << 32)
        packet = RtpPacket((65533 + number) % 65536, timestamp, b'\x65\x88\x80', True)
        for ready, lost in order.push(packet):
            stamps += [picture.stamp for picture in assembler.push(ready, lost)]
    assert stamps == [40_000_000 * number for number in range(6)]
    assert order.lost == 0


def test_another_sender_on_the_same_port_is_left_out_until_the_first_is_silent():
    order = PacketOrder()
    taken = []
    for number in range(2 * REORDERED):
        taken += order.push(RtpPacket(number, 0, b'a', source=1))
        if number % 2:
            taken += order.push(RtpPacket(900 + number, 0, b'b', source=2))
    assert {packet.payload for packet, _ in taken} == {b'a'}
    assert order.foreign == REORDERED
    for number in range(REORDERED + 2):
        taken += order.push(RtpPacket(500 + number, 0, b'c', source=3))
    assert taken[-1][0].payload == b'c'


def test_anything_may_come_to_the_port():
    rng = np.random.default_rng(0)
    assert parse_packet(b'') is None
    assert parse_packet(bytes([0x80, 200]) + bytes(30)) is None  # RTCP
    for _ in range(2000):
        order, assembler = PacketOrder(), PictureAssembler(str(rng.choice(['h264', 'hevc'])))
        for _ in range(4):
            data = bytearray(rng.bytes(int(rng.integers(0, 60))))
            data[:1] = bytes([0x80 | int(rng.integers(64))])
            packet = parse_packet(bytes(data))
            if packet is not None:
                for ready, lost in order.push(packet):
                    for picture in assembler.push(ready, lost):
                        assert isinstance(picture.data, bytes)


def test_losses_are_as_frequent_and_as_long_as_asked_for():
    for burst in (1.0, 5.0):
        loss = PacketLoss(0.05, burst, 3)
        lost = np.array([loss.lose() for _ in range(100_000)])
        starts = (lost[1:] & ~lost[:-1]).sum()
        assert lost.mean() == pytest.approx(0.05, rel=0.15)
        assert lost.sum() / starts == pytest.approx(max(burst, 1 / 0.95), rel=0.15)
    with pytest.raises(InputError, match='from 0 to below 1, got 1'):
        PacketLoss(1)
    with pytest.raises(InputError, match=r'1 packet or more, got 0\.5'):
        PacketLoss(0.1, 0.5)
