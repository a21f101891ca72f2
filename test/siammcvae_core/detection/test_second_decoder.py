# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The second decoder differs from the first where something is missing, and only there."""

import numpy as np
import pytest
from support.coded_stream import drive_frames, encode, PERIOD

from siammcvae_core.detection.coded_picture import CodedPicture
from siammcvae_core.detection.lossy_decoder import LossyDecoder
from siammcvae_core.detection.nal_units import join_units, split_units, unit_type
from siammcvae_core.detection.second_decoder import SecondDecoder, with_random_ends
from siammcvae_core.detection.slice_headers import ParameterSets


def masks(pictures):
    """Decode twice; returns the masks by number of the frame, and the second decoder."""
    parameters = ParameterSets()
    first, second = LossyDecoder('h264'), SecondDecoder(parameters)
    shown = []
    for picture in pictures:
        for unit in split_units(picture.data):
            parameters.learn(unit)
        shown += first.feed(picture)
        second.feed(picture)
    second.flush()
    shown += first.flush()
    return {one.stamp // PERIOD: second.compare(one.stamp, one.yuv) for one in shown}, second


def whole(packets):
    return [CodedPicture(data, stamp) for data, stamp in packets]


def without_slice(packet, number):
    units = split_units(packet[0])
    place = [at for at, unit in enumerate(units) if unit_type(unit, 'h264') in (1, 5)][number]
    return CodedPicture(join_units(units[:place] + units[place + 1 :]), packet[1], lost=True)


@pytest.mark.parametrize('setting', [{}, {'slices': 4}, {'bframes': 2}])
def test_both_are_equal_to_the_bit_where_nothing_is_missing(setting):
    found, second = masks(whole(encode(drive_frames(20), **setting)))
    assert len(found) == second.equal == 20
    assert not any(mask.any() for mask in found.values())


@pytest.mark.parametrize('bframes', [0, 2])
def test_a_reference_picture_that_is_missing_tells_them_apart_until_the_next_key(bframes):
    pictures = whole(encode(drive_frames(20), bframes=bframes))
    gone = next(
        at
        for at, one in enumerate(pictures)
        if at > 3 and parameters_of(pictures).read(split_units(one.data)[-1]).reference
    )
    following = pictures[gone + 1].stamp // PERIOD
    del pictures[gone]
    found, second = masks(pictures)
    assert found[following].mean() > 0.2
    assert not any(found[number].any() for number in range(15, 20))
    assert second.equal == 5


def test_the_picture_after_a_key_picture_is_replaced_by_the_next():
    pictures = whole(encode(drive_frames(12)))
    del pictures[1]
    found, _ = masks(pictures)
    assert found[2].any()


def test_where_nothing_can_replace_a_picture_all_is_lost_until_the_next_key():
    """The one reference picture between two keys is missing, and only B-frames are left."""
    packets = encode(drive_frames(12), key_every=4, bframes=2, extra=':open-gop=0')
    reader, pictures = parameters_of(whole(packets)), []
    for at, picture in enumerate(whole(packets)):
        header = reader.read(split_units(picture.data)[-1])
        if at >= 4 or header.key or not header.reference:
            pictures.append(picture)
    found, _ = masks(pictures)
    assert all(found[number].all() for number in found if number in (1, 2))
    assert not any(found[number].any() for number in found if number >= 4)


def test_a_slice_that_is_missing_is_lost_though_nothing_moves():
    still = [drive_frames(1)[0]] * 8
    packets = encode(still, slices=3)
    pictures = whole(packets)
    pictures[4] = without_slice(packets[4], 1)
    found, _ = masks(pictures)
    rows = np.zeros((6, 10), bool)
    rows[2:4] = True
    np.testing.assert_array_equal(found[4], rows)
    assert not any(found[number].any() for number in (3, 5, 6, 7))


def test_one_that_was_never_decoded_is_all_lost():
    second = SecondDecoder(ParameterSets())
    assert second.compare(0, np.zeros((144, 64), np.uint8)).tolist() == [[True] * 4] * 6


def test_only_units_that_were_cut_off_go_on():
    units = with_random_ends([b'a' * 9, b'b' * 9, b'c' * 9], (1, 7))
    assert [len(unit) for unit in units] == [9, 9 + 64, 9]
    assert min(units[1][9:]) > 3


def parameters_of(pictures):
    """Read the parameter sets of a stream."""
    parameters = ParameterSets()
    for picture in pictures:
        for unit in split_units(picture.data):
            parameters.learn(unit)
    return parameters
