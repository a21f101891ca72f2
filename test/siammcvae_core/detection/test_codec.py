# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masks from lossy streams against the lossless decode of the same stream."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from support.coded_stream import drive_frames, encode, PERIOD

from siammcvae_core.detection.codec import CodecDecoder
from siammcvae_core.detection.coded_picture import CodedPicture
from siammcvae_core.detection.nal_units import has_slice, join_units, split_units, unit_type
from siammcvae_core.detection.second_decoder import CELL
from siammcvae_core.errors import InputError

COUNT = 32


@pytest.fixture(scope='module')
def frames():
    return drive_frames(COUNT)


def decode(codec, pictures):
    decoder = CodecDecoder(codec)
    decoded = [frame for picture in pictures for frame in decoder.decode(picture)]
    return decoded + decoder.flush()


def whole(packets):
    return [CodedPicture(data, stamp) for data, stamp in packets]


def cut(packet, keep, codec='h264'):
    """Drop or cut the slices of a picture: `keep` says how much of each is left, by its number."""
    (data, stamp), units, ends, number = packet, [], [], 0
    for unit in split_units(data):
        if has_slice(join_units([unit]), codec):
            share = keep.get(number, 1.0)
            number += 1
            if not share:
                continue
            if share < 1:
                ends.append(len(units))
                unit = unit[: max(int(len(unit) * share), 8)]
        units.append(unit)
    return CodedPicture(join_units(units), stamp, True, tuple(ends))


def wrong_cells(truth, frame):
    difference = cv2.absdiff(truth.image, frame.image)
    rows, columns = frame.mask.shape
    return difference.reshape(rows, CELL, columns, CELL, 3).mean(axis=(1, 3)).max(axis=2) > 8


def recall(truth, decoded):
    wrong = [wrong_cells(t, d) for t, d in zip(truth, decoded, strict=True)]
    found = sum((w & d.mask).sum() for w, d in zip(wrong, decoded, strict=True))
    count = sum(w.sum() for w in wrong)
    assert count > 20, 'the loss changes next to nothing: nothing is tested'
    return found / count


@pytest.mark.parametrize('codec', ['h264', 'hevc', 'mjpeg'])
@pytest.mark.parametrize('bframes', [0, 2])
def test_nothing_of_an_intact_stream_is_lost_and_one_decoder_reads_it(frames, codec, bframes):
    packets = encode(frames, codec, bframes=bframes)
    decoder, decoded = CodecDecoder(codec), []
    for picture in whole(packets):
        decoded += decoder.decode(picture)
        assert not decoder.tracks_damage
    decoded += decoder.flush()
    assert [frame.stamp for frame in decoded] == [i * PERIOD for i in range(COUNT)]
    assert not any(frame.mask.any() for frame in decoded)
    for frame, sent in zip(decoded, frames, strict=True):
        assert np.abs(frame.image.astype(int) - sent).mean() < 12


@pytest.mark.parametrize(
    ('codec', 'slices', 'bframes', 'keep'),
    [
        ('h264', 1, 0, {0: 0.4}),
        ('h264', 4, 0, {1: 0.0, 2: 0.0}),
        ('h264', 1, 2, {0: 0.4}),
        ('hevc', 1, 0, {0: 0.4}),
        ('hevc', 1, 2, {0: 0.4}),
    ],
)
def test_what_a_loss_makes_wrong_is_found_until_a_key_picture(frames, codec, slices, bframes, keep):
    packets = encode(frames, codec, slices, bframes=bframes)
    lossy = whole(packets)
    for at in (3, 4, 5):
        lossy[at] = cut(packets[at], keep, codec)
    truth, decoded = decode(codec, whole(packets)), decode(codec, lossy)
    assert recall(truth, decoded) >= 0.97
    healed = [frame for frame in decoded if frame.stamp >= 15 * PERIOD]
    assert len(healed) == COUNT - 15
    assert not any(frame.mask.any() for frame in healed)
    for frame, other in zip(truth, decoded, strict=True):
        if not other.mask.any():
            np.testing.assert_array_equal(frame.image, other.image)


@pytest.mark.parametrize('codec', ['h264', 'hevc'])
@pytest.mark.parametrize('stamped', [True, False])
def test_a_picture_that_never_came_is_lost_and_so_is_what_is_predicted_from_it(
    frames, codec, stamped
):
    packets = encode(frames, codec)
    lossy = whole(packets)
    for at in (4, 5, 6):
        lossy[at] = CodedPicture(b'', packets[at][1] if stamped else None, lost=True)
    truth, decoded = decode(codec, whole(packets)), decode(codec, lossy)
    assert recall(truth, decoded) >= 0.97
    assert [i for i, frame in enumerate(decoded) if not frame.came] == [4, 5, 6]
    for at in (4, 5, 6):
        assert decoded[at].mask.all()
        np.testing.assert_array_equal(decoded[at].image, decoded[3].image)
    assert not any(frame.mask.any() for frame in (*decoded[:4], *decoded[15:]))


def test_a_moving_intra_refresh_heals_without_a_key_picture():
    frames = [*drive_frames(COUNT), *reversed(drive_frames(COUNT))]
    packets = encode(frames, key_every=12, extra=':intra-refresh=1')
    lossy = whole(packets)
    lossy[4] = cut(packets[4], {0: 0.3})
    decoder, decoded = CodecDecoder('h264'), []
    for picture in lossy:
        decoded += decoder.decode(picture)
    assert decoded[4].mask.any()
    assert not any(frame.mask.any() for frame in decoded[32:])
    assert not decoder.tracks_damage


def test_damage_that_nobody_announced_is_found(frames):
    packets = encode(frames)
    lossy = whole(packets)
    lossy[4] = CodedPicture(cut(packets[4], {0: 0.3}).data, packets[4][1])
    truth, decoded = decode('h264', whole(packets)), decode('h264', lossy)
    wrong = wrong_cells(truth[4], decoded[4])
    assert (wrong & decoded[4].mask).sum() >= 0.9 * wrong.sum()
    assert not any(frame.mask.any() for frame in decoded[15:])


def test_all_is_lost_until_there_is_a_picture_to_begin_with(frames):
    for codec in ('h264', 'hevc'):
        packets = encode(frames, codec)
        decoded = decode(codec, whole(packets)[6:])
        before = [frame for frame in decoded if frame.stamp < 15 * PERIOD]
        assert all(frame.mask.all() for frame in before)
        after = [frame for frame in decoded if frame.stamp >= 15 * PERIOD]
        assert len(after) == COUNT - 15
        assert not any(frame.mask.any() for frame in after)


def test_the_size_may_change_midway(frames):
    small = drive_frames(6, (96, 64))
    packets = encode(frames[:6]) + [(data, stamp + 6 * PERIOD) for data, stamp in encode(small)]
    decoded = decode('h264', whole(packets))
    assert [frame.image.shape[:2] for frame in decoded] == [(96, 160)] * 6 + [(64, 96)] * 6
    assert not any(frame.mask.any() for frame in decoded)


@pytest.mark.parametrize('codec', ['h264', 'hevc', 'mjpeg'])
def test_damaged_bytes_raise_nothing(frames, codec):
    rng = np.random.default_rng(0)
    packets = encode(frames[:8], codec, key_every=4)
    for _ in range(40):
        pictures = []
        for data, stamp in packets:
            broken = np.frombuffer(data, np.uint8).copy()
            hit = rng.random(len(broken)) < rng.choice([0.0, 0.001, 0.02])
            broken[hit] = rng.integers(0, 256, hit.sum())
            end = int(len(broken) * rng.choice([1.0, 1.0, rng.random()]))
            pictures.append(CodedPicture(broken[:end].tobytes(), stamp, bool(rng.random() < 0.5)))
        for frame in decode(codec, pictures):
            assert frame.mask.shape == tuple(-(-side // CELL) for side in frame.image.shape[:2])


def test_pictures_that_may_be_missing_between_two_are_frames_that_never_came(frames):
    """The end of one, all of the next and the beginning of a third, in one burst."""
    packets = encode(frames, slices=4)
    lossy = whole(packets)
    lossy[4] = cut(packets[4], {2: 0.0, 3: 0.0})
    lossy[6] = replace(cut(packets[6], {0: 0.0}), gap=True)
    del lossy[5]
    truth, decoded = decode('h264', whole(packets)), decode('h264', lossy)
    assert [i for i, frame in enumerate(decoded) if not frame.came] == [5]
    assert recall(truth, decoded) >= 0.97


def test_an_unknown_codec_is_refused():
    with pytest.raises(InputError, match="codec is 'vp9', expected one of: h264, hevc, mjpeg"):
        CodecDecoder('vp9')


def test_units_are_split_at_both_start_codes():
    data = bytes.fromhex('00000001 67 01 000001 68 02 00000001 65 03')
    assert [unit_type(unit, 'h264') for unit in split_units(data)] == [7, 8, 5]
    assert split_units(b'') == split_units(b'no start code') == []
