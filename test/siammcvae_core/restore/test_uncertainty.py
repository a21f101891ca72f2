# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The expected error of warped and copied frames: where it is high, how it grows, where it is 0."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from siammcvae_core.motion.references import ReferenceFrame, References
from siammcvae_core.restore.restored_frame import RestoreMethod
from siammcvae_core.restore.restorer import Restorer
from siammcvae_core.restore.uncertainty import expected_error


def scene(count=4, size=(180, 240)):
    """Show still ground on the left and ground that speeds up on the right."""
    height, width = size
    noise = np.random.default_rng(4).standard_normal((height, 2 * width, 3)).astype(np.float32)
    texture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
    texture = texture.astype(np.uint8)
    frames = []
    for i in range(count):
        frame = texture[:, :width].copy()
        shift = i * (i + 3) // 2
        frame[:, width // 2 :] = texture[:, width + shift : width + shift + width // 2]
        frames.append(frame)
    return frames


def pair(frames, stamps=(0.0, 0.1)):
    return References(tuple(map(ReferenceFrame, frames[1::-1], stamps[::-1])))


@pytest.mark.parametrize('warped', [True, False])
def test_the_expected_error_is_high_where_motion_changes(warped):
    frames = scene()
    everywhere = np.ones(frames[0].shape[:2], bool)
    expected = expected_error(pair(frames), everywhere, 0.2, warped)
    assert expected.dtype == np.float32
    assert expected[:, 140:].mean() > 3 * expected[:, :100].mean()


@pytest.mark.parametrize('warped', [True, False])
@pytest.mark.parametrize('kept', [1, 2])
def test_error_never_falls_with_age_and_stays_a_grey_level(warped, kept):
    frames = scene()
    references = References(pair(frames).frames[:kept])
    everywhere = np.ones(frames[0].shape[:2], bool)
    maps = [
        expected_error(references, everywhere, stamp, warped) for stamp in (0.1, 0.11, 0.2, 1.0, 60)
    ]
    for younger, older in pairwise(maps):
        assert (older >= younger).all()
    assert maps[2].mean() > maps[0].mean()
    assert maps[0].min() > 0
    assert maps[3].max() < 255


def test_intact_pixels_have_no_error():
    frames = scene()
    lost = np.zeros(frames[0].shape[:2], bool)
    lost[40:90, 100:200] = True
    for warped in (True, False):
        expected = expected_error(pair(frames), lost, 0.2, warped)
        assert not expected[~lost].any()
        assert expected[lost].min() > 0


@pytest.mark.parametrize('size', [(360, 640), (375, 1242), (720, 1280)])
@pytest.mark.parametrize('method', [RestoreMethod.WARP, RestoreMethod.COPY])
def test_uncertainty_has_frame_size_and_does_not_change_later(size, method):
    frames = scene(size=size)
    restorer = Restorer(best_method=method)
    restorer.observe(frames[0], 0.0)
    restorer.observe(frames[1], 0.1)
    restored = restorer.restore(frames[2], np.ones(size, bool), 0.2)
    at_once = restored.uncertainty()
    assert at_once.shape == size
    restorer.observe(frames[3], 0.3)
    np.testing.assert_allclose(restored.uncertainty(), at_once, rtol=1e-5)
