# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""FSIM, FSIMc and fsim_ism against values of other implementations, and what they must obey."""

from functools import cache

import numpy as np
import pytest

from siammcvae_core.errors import InputError
from siammcvae_core.metrics import fsim, fsim_features, fsim_ism, fsimc, ism_features
from siammcvae_core.simulation.drive import DriveSim


@cache
def pair(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Restored and true frame, BGR or grey; only numpy between the drive and the metric."""
    rng = np.random.default_rng(7)
    if name == 'copy':
        drive = DriveSim((320, 192))
        return drive.render(20), drive.render(22)
    if name == 'blur, odd size':
        truth = np.ascontiguousarray(DriveSim((320, 192), seed=1).render(5)[2:189, 10:311])
        padded = np.pad(truth, ((2, 2), (2, 2), (0, 0)), mode='edge')
        windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(0, 1))
        return np.rint(windows.mean(axis=(-2, -1))).astype(np.uint8), truth
    if name == 'noise at night':
        truth = DriveSim((320, 192), night=True).render(30)
        noisy = np.rint(truth + rng.normal(0, 12, truth.shape))
        return np.clip(noisy, 0, 255).astype(np.uint8), truth
    if name == 'patches lost':
        truth = DriveSim((640, 400), seed=2).render(11)
        lost = patches_lost()
        return np.where(lost[..., None], np.uint8(127), truth), truth
    if name == 'warp':
        truth = DriveSim((320, 192), seed=3).render(40)
        rows, columns = np.indices(truth.shape[:2])
        shift = np.rint(3 * np.sin(rows / 9) + 2 * np.cos(columns / 23)).astype(int)
        return truth[rows, np.clip(columns + shift, 0, 319)], truth
    restored, truth = pair('warp')
    return np.ascontiguousarray(restored[..., 1]), np.ascontiguousarray(truth[..., 1])


def patches_lost() -> np.ndarray:
    cells = np.random.default_rng(7).random((25, 40)) < 0.3
    return cells.repeat(16, axis=0).repeat(16, axis=1)


# FSIM and FSIMc of piq 0.8.0 in float64, fsim of image-similarity-measures 0.3.6 on phasepack 1.5.
REFERENCE = {
    'copy': (0.6639277, 0.6577245, 0.3992487),
    'blur, odd size': (0.7902745, 0.7890731, 0.6259364),
    'noise at night': (0.8573041, 0.8456372, 0.5332122),
    'patches lost': (0.7486728, 0.7451775, 0.6121824),
    'warp': (0.8014444, 0.7973841, 0.5760366),
    'warp in grey': (0.8018970, 0.8018970, 0.5761305),
}


@pytest.mark.parametrize('name', REFERENCE)
def test_agrees_with_piq_and_image_similarity_measures(name):
    restored, truth = pair(name)
    got = [metric(restored, truth) for metric in (fsim, fsimc, fsim_ism)]
    assert got == pytest.approx(REFERENCE[name], abs=1e-4)


@pytest.mark.parametrize('metric', [fsim, fsimc, fsim_ism])
def test_equal_frames_are_1_and_order_does_not_matter(metric):
    restored, truth = (frame[:60, :90] for frame in pair('copy'))
    assert metric(truth, truth) == pytest.approx(1, abs=1e-12)
    assert metric(restored, truth) == pytest.approx(metric(truth, restored), abs=1e-12)
    assert metric(restored, truth) < 0.95


@pytest.mark.parametrize('metric', [fsim, fsimc, fsim_ism])
def test_frames_without_any_feature_have_a_score(metric):
    black, white = np.zeros((11, 12, 3), np.uint8), np.full((11, 12, 3), 255, np.uint8)
    red = black.copy()
    red[..., 2] = 255
    for flat in (black, white, red):
        assert metric(flat, flat) == pytest.approx(1)
        assert 0 < metric(flat, black) <= 1


def test_only_fsimc_sees_chroma():
    truth = pair('copy')[1]
    luminance = np.rint(truth @ (0.114, 0.587, 0.299)).astype(np.uint8)
    restored = np.repeat(luminance[..., None], 3, axis=2)
    assert fsim(restored, truth) > 0.99
    assert fsimc(restored, truth) < fsim(restored, truth) - 0.003


@pytest.mark.parametrize('metric', [fsim, fsimc, fsim_ism])
def test_lost_pixels_score_by_themselves(metric):
    restored, truth = (frame[:200, :320] for frame in pair('patches lost'))
    lost = patches_lost()[:200, :320]
    whole = metric(restored, truth)
    assert metric(restored, truth, lost) < whole - 0.05
    assert metric(restored, truth, ~lost) > whole + 0.05
    assert metric(restored, truth, np.ones_like(lost)) == pytest.approx(whole, abs=1e-12)
    assert np.isnan(metric(restored, truth, np.zeros_like(lost)))


def test_lost_pixels_are_found_in_frames_averaged_down():
    restored, truth = pair('patches lost')
    lost = patches_lost()
    x, y = fsim_features(restored), fsim_features(truth)
    assert x.congruency.shape == (200, 320)
    assert fsim(x, y, lost) < fsim(x, y) - 0.05
    assert fsim(x, y, ~lost) > fsim(x, y) + 0.05


def test_kept_features_stand_for_their_frame():
    restored, truth = (frame[:50, :70] for frame in pair('copy'))
    for metric, extract in (
        (fsim, fsim_features),
        (fsimc, fsim_features),
        (fsim_ism, ism_features),
    ):
        assert metric(restored, extract(truth)) == metric(restored, truth)


@pytest.mark.parametrize('metric', [fsim, fsimc, fsim_ism])
def test_what_cannot_be_compared_is_refused(metric):
    truth = pair('copy')[1]
    with pytest.raises(InputError, match='at least 11x11 px, got 320x10'):
        metric(truth[:10], truth[:10])
    with pytest.raises(InputError, match='differ in shape'):
        metric(truth, truth[..., 0])
    with pytest.raises(InputError, match='uint8, got float64'):
        metric(truth / 255, truth / 255)
    with pytest.raises(InputError, match='does not fit'):
        metric(truth, truth, np.ones((4, 5), bool))
