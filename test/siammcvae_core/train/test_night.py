# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A darkened sample is one exposure of the same drive, with noise of each frame's own."""

import numpy as np
import pytest

from siammcvae_core.train.night import darken


@pytest.mark.parametrize('seed', range(5))
def test_frames_are_darker_by_one_curve_and_keep_the_order_of_light(seed):
    ramp = np.repeat(np.arange(256, dtype=np.uint8), 300).reshape(1, 256, 300, 1)
    frames = np.tile(ramp, (2, 1, 1, 3))
    first, second = darken(frames, np.random.default_rng(seed)).astype(float).mean((2, 3))
    assert abs(first - second).max() < 1.0
    assert (first < np.arange(256) + 1.5).all()  # noise that is cut off at black lifts it a little
    assert first[255] < 0.6 * 255
    smooth = first.reshape(32, 8).mean(1)
    assert (np.diff(smooth) > -0.2).all()


def test_noise_is_of_each_frame_and_grows_with_light_on_the_sensor():
    frames = np.full((2, 200, 200, 3), 200, np.uint8)
    dark = darken(frames, np.random.default_rng(0)).astype(float)
    assert dark.std((1, 2)).min() > 0.2
    assert abs(np.corrcoef(dark[0].ravel(), dark[1].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(dark[0, ..., 0].ravel(), dark[0, ..., 1].ravel())[0, 1]) < 0.02
    white = darken(frames[:1] + np.uint8(55), np.random.default_rng(0)).astype(float)
    assert white.mean() / white.std() > dark[0].mean() / dark[0].std()


def test_the_generator_decides():
    frames = np.random.default_rng(1).integers(0, 256, (3, 8, 12, 3), np.uint8)
    there, again = (darken(frames, np.random.default_rng(7)) for _ in range(2))
    other = darken(frames, np.random.default_rng(8))
    np.testing.assert_array_equal(there, again)
    assert (there != other).any()
    assert there.dtype == np.uint8
    assert there.shape == frames.shape
