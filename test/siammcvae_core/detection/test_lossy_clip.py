# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recorded streams with packets missing are played to their end, with masks of what is lost."""

import cv2
import numpy as np
import pytest
from support.transport_stream import beginnings, lose, packets_of, write_stream

from siammcvae_core.data.clips import VideoClip, write_video
from siammcvae_core.detection.lossy_clip import LossyClip, open_recording

COUNT = 24


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    return write_stream(tmp_path_factory.mktemp('stream') / 'whole.ts', COUNT)


@pytest.mark.parametrize('codec', ['libx264', 'libx265'])
@pytest.mark.parametrize('bframes', [0, 2])
def test_an_intact_stream_is_read_as_any_video(tmp_path, codec, bframes):
    path = write_stream(tmp_path / 'clip.ts', COUNT, codec=codec, bframes=bframes)
    clip = open_recording(path)
    assert isinstance(clip, LossyClip)
    for frame, other in zip(clip, VideoClip(path), strict=True):
        assert (frame.index, frame.stamp) == (other.index, other.stamp)
        np.testing.assert_array_equal(frame.image, other.image)
        assert not frame.mask.any()
    assert (clip.broken, clip.note) == ('', '')


def test_masks_cover_what_the_loss_made_wrong_until_the_key_picture(whole, tmp_path):
    starts = beginnings(packets_of(whole))
    chosen = [start + step for start in (starts[5], starts[7]) for step in (2, 3, 4)]
    clip = LossyClip(lose(whole, tmp_path / 'broken.ts', chosen))
    truth = [frame.image for frame in VideoClip(whole)]
    frames = list(clip)
    assert len(frames) == len(truth) == COUNT
    wrong = [cv2.absdiff(f.image, t).max(axis=2) > 8 for f, t in zip(frames, truth, strict=True)]
    assert sum(map(np.count_nonzero, wrong)) > 2000
    found = sum(np.count_nonzero(w & f.mask) for w, f in zip(wrong, frames, strict=True))
    assert found >= 0.97 * sum(map(np.count_nonzero, wrong))
    for frame, image in zip(frames, truth, strict=True):
        if frame.index < 5 or frame.index >= 15:
            assert not frame.mask.any()
            np.testing.assert_array_equal(frame.image, image)
    assert clip.note == f'6 of {len(packets_of(whole)) - others(whole)} packets are missing'


def test_a_picture_of_which_nothing_is_left_is_a_frame_all_lost(whole, tmp_path):
    starts = beginnings(packets_of(whole))
    frames = list(LossyClip(lose(whole, tmp_path / 'b.ts', range(starts[6] - 1, starts[7]))))
    assert len(frames) == COUNT
    assert frames[6].mask.all()
    np.testing.assert_array_equal(frames[6].image, frames[5].image)


def test_bytes_between_packets_are_skipped(whole, tmp_path):
    data = whole.read_bytes()
    path = tmp_path / 'noisy.ts'
    path.write_bytes(data[: 188 * 40] + b'noise between' + data[188 * 40 :])
    assert len(list(LossyClip(path))) == COUNT


def test_other_recordings_are_opened_as_before(tmp_path, whole):
    path = tmp_path / 'clip.mp4'
    with write_video(path, 25) as append:
        append(np.zeros((32, 32, 3), np.uint8))
    assert type(open_recording(path)) is VideoClip
    assert next(iter(open_recording('sim'))).mask is None


def others(path):
    """Count the packets that are not of the video."""
    return sum((one[1] & 31, one[2]) != (1, 0) for one in packets_of(path))
