# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scores are those of scikit-image, and those of the metrics that the truth's features feed."""

import numpy as np
import pytest

from siammcvae_core.evaluate.scores import METRICS, score, Truth
from siammcvae_core.metrics import fsim, fsim_ism, fsimc

skimage = pytest.importorskip('skimage.metrics', reason='scikit-image is not installed')


def test_scores_agree_with_scikit_image() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (48, 64, 3), np.uint8)
    mask = np.zeros((48, 64), bool)
    mask[10:30, 5:50] = True
    pasted = np.where(mask[..., None], rng.integers(0, 256, truth.shape, np.uint8), truth)
    values = score(pasted, Truth(truth), mask)
    assert tuple(values) == METRICS
    psnr = skimage.peak_signal_noise_ratio
    assert values['psnr'] == pytest.approx(psnr(truth, pasted), abs=1e-6)
    assert values['psnr_lost'] == pytest.approx(psnr(truth[mask], pasted[mask]), abs=1e-6)
    assert values['mse'] == pytest.approx(values['mse_lost'] * mask.mean())
    assert values['mae'] == pytest.approx(values['mae_lost'] * mask.mean())
    ssim = skimage.structural_similarity(
        truth, pasted, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False,
    )  # fmt: skip
    assert values['ssim'] == pytest.approx(ssim, abs=1e-4)
    for name, function in (('fsim', fsim), ('fsimc', fsimc), ('fsim_ism', fsim_ism)):
        assert values[name] == pytest.approx(function(pasted, truth))


def test_a_perfect_frame_scores_perfectly() -> None:
    truth = np.random.default_rng(0).integers(0, 256, (48, 64), np.uint8)
    values = score(truth.copy(), Truth(truth), np.ones((48, 64), bool))
    assert values['psnr'] == values['psnr_lost'] == 100
    assert values['mse'] == values['mae_lost'] == 0
    assert values['ssim'] == values['fsim'] == values['fsim_ism'] == pytest.approx(1)
