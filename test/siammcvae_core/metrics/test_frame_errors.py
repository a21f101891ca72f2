# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""MSE, MAE and PSNR over whole frames and over lost pixels."""

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from siammcvae_core.errors import InputError
from siammcvae_core.metrics import mae, mse, psnr


def test_values_worked_out_by_hand():
    truth = np.array([[0, 10], [20, 255]], np.uint8)
    restored = np.array([[0, 13], [16, 0]], np.uint8)
    assert mse(restored, truth) == (9 + 16 + 255**2) / 4
    assert mae(restored, truth) == (3 + 4 + 255) / 4
    lost = np.array([[0, 1], [1, 0]], bool)
    assert mse(restored, truth, lost) == 12.5
    assert mae(restored, truth, lost) == 3.5
    assert psnr(restored, truth, lost) == pytest.approx(10 * math.log10(255**2 / 12.5))


@pytest.mark.parametrize('shape', [(40, 50, 3), (40, 50)])
def test_psnr_agrees_with_scikit_image(shape):
    rng = np.random.default_rng(3)
    truth, restored = rng.integers(0, 256, (2, *shape), dtype=np.uint8)
    expected = peak_signal_noise_ratio(truth, restored, data_range=255)
    assert psnr(restored, truth) == pytest.approx(expected, abs=1e-9)
    lost = rng.random(shape[:2]) < 0.4
    expected = peak_signal_noise_ratio(truth[lost], restored[lost], data_range=255)
    assert psnr(restored, truth, lost) == pytest.approx(expected, abs=1e-9)


def test_error_outside_the_lost_pixels_does_not_count():
    truth = np.full((8, 8, 3), 100, np.uint8)
    restored = truth.copy()
    restored[:4] = 0
    lost = np.zeros((8, 8), bool)
    lost[4:] = True
    assert psnr(restored, truth, lost) == 100.0
    assert psnr(restored, truth) < 15


def test_equal_frames_are_capped_and_symmetric_extremes_do_not_wrap():
    black, white = np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8)
    assert psnr(black, black) == 100.0
    assert mse(black, white) == mse(white, black) == 255**2
    assert psnr(black, white) == 0.0


def test_nothing_lost_has_no_error_to_speak_of():
    frame, lost = np.zeros((4, 4), np.uint8), np.zeros((4, 4), bool)
    assert all(math.isnan(metric(frame, frame, lost)) for metric in (mse, mae, psnr))


def test_shapes_that_differ_are_refused():
    frame = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(InputError, match=r'4x4x3 and 4x4'):
        mse(frame, frame[..., 0])
    with pytest.raises(InputError, match='does not fit'):
        psnr(frame, frame, np.ones((4, 5), bool))


def test_what_cannot_be_compared_is_refused():
    frame = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(InputError, match='uint8, got float64'):
        mae(frame / 255, frame / 255)
    with pytest.raises(InputError, match=r'got 4x4x4'):
        mae(np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8))
    with pytest.raises(InputError, match='bool, got uint8'):
        mae(frame, frame, np.ones((4, 4), np.uint8))
