# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Damaged streams of packets: whatever comes to the port, nothing is raised."""

import numpy as np
import pytest
from support.coded_stream import drive_frames, encode

from siammcvae_core.detection.codec import CodecDecoder
from siammcvae_core.detection.nal_units import split_units
from siammcvae_core.detection.rtp import PacketOrder, parse_packet
from siammcvae_core.detection.rtp_pictures import PictureAssembler, PicturePackets
from siammcvae_core.detection.second_decoder import CELL
from siammcvae_core.detection.slice_headers import ParameterSets


def damaged(rng, datagrams):
    """Lose, repeat, swap, cut and overwrite datagrams."""
    order = rng.permutation(len(datagrams)) if rng.random() < 0.2 else range(len(datagrams))
    for at in order:
        datagram = bytearray(datagrams[at])
        kind = rng.integers(12)
        if kind == 0:
            continue
        if kind == 1:
            del datagram[rng.integers(len(datagram) + 1) :]
        if kind in (2, 3):
            # The header of the packet and of the unit decide most.
            for place in rng.integers(0, min(len(datagram), 24 if kind == 2 else 2000), 3):
                datagram[place] = rng.integers(256)
        yield bytes(datagram)
        if kind == 4:
            yield bytes(datagram)


def pictures_of(codec, datagrams):
    order, assembler = PacketOrder(), PictureAssembler(codec)
    for datagram in datagrams:
        packet = parse_packet(datagram)
        if packet is not None:
            for ready, lost in order.push(packet):
                yield from assembler.push(ready, lost)
    for ready, lost in order.flush():
        yield from assembler.push(ready, lost)
    yield from assembler.flush()


def datagrams_of(codec, count, **setting):
    sender = PicturePackets(codec, 65533)
    packets = encode(drive_frames(count), codec, **setting)
    return [packet.to_bytes() for data, stamp in packets for packet in sender.packets(data, stamp)]


def test_twenty_thousand_damaged_streams_are_read():
    rng = np.random.default_rng(0)
    streams = {codec: datagrams_of(codec, 3, slices=2) for codec in ('h264', 'hevc')}
    complete = 0
    for number in range(20_000):
        codec = ('h264', 'hevc')[number % 2]
        parameters = ParameterSets()
        for picture in pictures_of(codec, damaged(rng, streams[codec])):
            assert all(0 <= place < len(split_units(picture.data)) for place in picture.cut)
            complete += not picture.lost
            for unit in split_units(picture.data):
                parameters.learn(unit)
                parameters.read(unit)
    assert 10_000 < complete < 60_000


@pytest.mark.parametrize('codec', ['h264', 'hevc'])
@pytest.mark.parametrize('bframes', [0, 2])
def test_damaged_streams_are_decoded(codec, bframes):
    rng = np.random.default_rng(1)
    datagrams = datagrams_of(codec, 10, key_every=5, slices=2, bframes=bframes)
    shown = 0
    for _ in range(40):
        decoder = CodecDecoder(codec)
        frames = [
            frame
            for picture in pictures_of(codec, damaged(rng, datagrams))
            for frame in decoder.decode(picture)
        ]
        for frame in frames + decoder.flush():
            assert frame.mask.shape == tuple(-(-side // CELL) for side in frame.image.shape[:2])
            shown += 1
    assert shown > 100
