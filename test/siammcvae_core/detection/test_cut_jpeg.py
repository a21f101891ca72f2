# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""JPEG data cut anywhere: what is not lost is as in the whole picture, bit for bit."""

import cv2
import numpy as np
import pytest
from support.coded_stream import drive_frames

from siammcvae_core.detection.cut_jpeg import decode_cut_jpeg
from siammcvae_core.errors import FrameError

FLAGS = {
    'colour': [],
    'progressive': [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
    'restarts': [cv2.IMWRITE_JPEG_RST_INTERVAL, 4],
    'fine colour': [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444],
}


@pytest.mark.parametrize('kind', [*FLAGS, 'grey'])
def test_what_came_before_the_cut_is_kept_to_the_bit(kind):
    frame = drive_frames(1, (170, 99))[0]
    if kind == 'grey':
        frame = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    data = cv2.imencode('.jpg', frame, FLAGS.get(kind, []))[1].tobytes()
    truth, mask = decode_cut_jpeg(data)
    assert not mask.any()
    shares = []
    for share in (0.5, 0.6, 0.7, 0.8, 0.9, 0.97):
        cut = data[: int(len(data) * share)]
        picture, mask = decode_cut_jpeg(cut)
        assert picture.shape == truth.shape
        np.testing.assert_array_equal(picture[~mask], truth[~mask])
        shares.append(mask.mean())
    assert shares == sorted(shares, reverse=True)
    if kind != 'progressive':
        assert 0.03 < shares[3] < 0.6


def test_data_without_a_picture_are_refused():
    data = cv2.imencode('.jpg', np.zeros((32, 32, 3), np.uint8))[1].tobytes()
    for bad in (b'', b'\xff\xd8', data[:200], b'no picture', data[:20] + b'\xff\xd9'):
        with pytest.raises(FrameError):
            decode_cut_jpeg(bad)
