# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Headers of H.264 slices, read from streams of x264 and written anew."""

import numpy as np
import pytest
from support.coded_stream import drive_frames, encode

from siammcvae_core.detection.bit_reader import BitReader, escape, unescape, write_bits
from siammcvae_core.detection.coded_picture import CodedPicture
from siammcvae_core.detection.lossy_decoder import LossyDecoder
from siammcvae_core.detection.nal_units import join_units, split_units
from siammcvae_core.detection.slice_headers import ParameterSets, renumbered

SETTINGS = [{}, {'slices': 4}, {'bframes': 2}, {'extra': ':interlaced=1'}, {'extra': ':cqm=jvt'}]


@pytest.fixture(scope='module')
def frames():
    return drive_frames(20)


def read_headers(packets):
    """Return the (unit, header) of the slices of every picture."""
    parameters, pictures = ParameterSets(), []
    for data, _ in packets:
        for unit in split_units(data):
            parameters.learn(unit)
        read = [(unit, parameters.read(unit)) for unit in split_units(data)]
        pictures.append([(unit, header) for unit, header in read if header is not None])
    return pictures


@pytest.mark.parametrize('setting', SETTINGS)
def test_reference_pictures_are_numbered_without_gaps(frames, setting):
    pictures = read_headers(encode(frames, **setting))
    assert all(pictures)
    assert [picture[0][1].key for picture in pictures] == [i in (0, 15) for i in range(20)]
    number = None
    for picture in pictures:
        assert picture[0][1].first == 0
        assert len({header.number for _, header in picture}) == 1
        header = picture[0][1]
        if header.key:
            assert header.number == 0
        else:
            assert header.missing_after(number) == 0
        if header.reference:
            number = header.number


def test_missing_reference_pictures_are_counted(frames):
    headers = [picture[0][1] for picture in read_headers(encode(frames))]
    for missing in range(10):
        assert headers[3 + missing].missing_after(headers[2].number) == missing


def test_slices_begin_where_those_before_end(frames):
    rows = 96 // 16
    for picture in read_headers(encode(frames, slices=3)):
        assert [header.first for _, header in picture] == [0, 2 * 10, 4 * 10]
    assert rows == 6


@pytest.mark.parametrize('setting', [{}, {'slices': 3}, {'extra': ':cabac=0'}])
def test_a_picture_with_another_number_is_decoded_in_place_of_one_that_is_missing(frames, setting):
    """After pictures 0 to 3, picture 5 stands for 4: no gap, so it adds what it adds to 3."""
    packets, pictures = encode(frames, **setting), read_headers(encode(frames, **setting))
    header = pictures[4][0][1]
    stood_in = join_units(
        [renumbered(unit, one, header.number, header.order) for unit, one in pictures[5]]
    )
    first, second = LossyDecoder('h264'), LossyDecoder('h264')
    for data, stamp in packets[:4]:
        first.feed(CodedPicture(data, stamp))
        second.feed(CodedPicture(data, stamp))
    true = first.feed(CodedPicture(*packets[4])) + first.flush()
    other = second.feed(CodedPicture(stood_in, packets[4][1])) + second.flush()
    assert [one.stamp for one in true] == [one.stamp for one in other]
    assert not other[-1].corrupt
    assert not np.array_equal(true[-1].yuv, other[-1].yuv)
    assert read_headers([*packets[:1], (stood_in, 0)])[1][0][1].number == header.number


def test_a_number_that_stays_leaves_the_unit_as_it_is(frames):
    for picture in read_headers(encode(frames, bframes=2)):
        for unit, header in picture:
            assert renumbered(unit, header, header.number, header.order) == unit


def test_bits_and_numbers_are_read_as_the_standard_writes_them():
    reader = BitReader(bytes([0b1_010_011_0, 0b0100_0010, 0b1_1111111]))
    assert [reader.unsigned() for _ in range(4)] == [0, 1, 2, 3]
    assert reader.signed() == -2
    assert reader.bits(7) == 127
    with pytest.raises(EOFError, match='cut short'):
        reader.bits(1)
    assert write_bits(bytes([0, 255]), 6, 4, 0b1001) == bytes([0b10, 0b01111111])


def test_what_looks_like_a_start_code_is_escaped_and_comes_back():
    rng = np.random.default_rng(0)
    for _ in range(200):
        payload = rng.choice([0, 0, 0, 1, 2, 3, 4], 40).astype(np.uint8).tobytes()
        escaped = escape(payload)
        assert unescape(escaped) == payload
        assert not any(bytes([0, 0, last]) in escaped for last in range(3))


def test_a_damaged_parameter_set_is_left_out(frames):
    rng = np.random.default_rng(0)
    packets = encode(frames[:2])
    units = split_units(packets[0][0])
    for _ in range(500):
        parameters = ParameterSets()
        for unit in units[:2]:
            parameters.learn(unit[: rng.integers(1, len(unit) + 1)])
            parameters.learn(unit[:1] + rng.bytes(20))
        header = parameters.read(split_units(packets[1][0])[0])
        assert header is None or header.number >= 0
