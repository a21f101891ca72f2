# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SSIM beside scikit-image's, over whole frames and over lost pixels."""

import math

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from siammcvae_core.errors import InputError
from siammcvae_core.metrics import ssim
from siammcvae_core.simulation.drive import DriveSim

DRIVE = DriveSim((160, 96))
TRUTH, RESTORED = DRIVE.render(10), DRIVE.render(12)


def reference(restored: np.ndarray, truth: np.ndarray) -> tuple[float, np.ndarray]:
    return structural_similarity(
        restored,
        truth,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=2 if truth.ndim == 3 else None,
        full=True,
    )


@pytest.mark.parametrize(
    'part', [np.s_[:], np.s_[3:90, 7:150], np.s_[..., 1], np.s_[40:51, 30:41]], ids=str
)
def test_agrees_with_scikit_image(part):
    restored, truth = RESTORED[part], TRUTH[part]
    expected, everywhere = reference(restored, truth)
    assert ssim(restored, truth) == pytest.approx(expected, abs=1e-9)
    assert expected < 0.95
    lost = np.random.default_rng(0).random(truth.shape[:2]) < 0.3
    assert ssim(restored, truth, lost) == pytest.approx(everywhere[lost].mean(), abs=1e-9)


def test_lost_pixels_on_the_margin_count():
    lost = np.zeros(TRUTH.shape[:2], bool)
    lost[-3:] = True
    restored = np.where(lost[..., None], np.uint8(0), TRUTH)
    assert ssim(restored, TRUTH, lost) < 0.5
    assert ssim(restored, TRUTH, ~lost) > 0.9


def test_equal_frames_are_1_and_nothing_lost_is_nan():
    assert ssim(TRUTH, TRUTH) == 1.0
    assert math.isnan(ssim(RESTORED, TRUTH, np.zeros(TRUTH.shape[:2], bool)))


def test_frames_smaller_than_the_window_are_refused():
    with pytest.raises(InputError, match='at least 11x11 px, got 160x10'):
        ssim(RESTORED[:10], TRUTH[:10])
