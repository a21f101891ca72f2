# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Calibration measures against values of other implementations, and on errors of known law."""

import math

import numpy as np
import pytest

from siammcvae_core.errors import InputError
from siammcvae_core.metrics import Calibration

SIZE = (120, 160)


def drawn(smallest: float, largest: float, seed: int = 5) -> tuple[np.ndarray, ...]:
    """Draw expected error (H, W), restored and true frame with Laplace errors of that scale."""
    rng = np.random.default_rng(seed)
    expected = np.exp(rng.uniform(np.log(smallest), np.log(largest), SIZE))
    truth = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    # Reflected where it would leave 0 to 255, which keeps its size.
    error = np.minimum(np.rint(np.abs(rng.laplace(0, expected[..., None], truth.shape))), 127)
    return expected, np.where(truth < 128, truth + error, truth - error).astype(np.uint8), truth


def measured(expected, restored, truth, mask=None) -> Calibration:
    calibration = Calibration()
    calibration.add(expected, restored, truth, mask)
    return calibration


def test_agrees_with_scipy_uncertainty_toolbox_and_torch_uncertainty():
    expected, restored, truth = drawn(0.7, 12)
    calibration = measured(1.4 * expected**0.8, restored, truth)
    # scipy 1.17.1, stats.laplace.logpdf
    assert calibration.nll == pytest.approx(2.76212, abs=1e-3)
    # uncertainty-toolbox 0.1.1, on randomised Laplace probabilities brought to normal:
    # get_proportion_in_interval and mean_absolute_calibration_error at the same levels
    coverage = [calibration.coverage(level) for level in (0.5, 0.8, 0.9, 0.95)]
    assert coverage == pytest.approx([0.54379, 0.83364, 0.92231, 0.96218], abs=1e-3)
    assert calibration.calibration_error == pytest.approx(0.03128, abs=1e-3)
    # torch-uncertainty 0.13.0, AUSE of the mean absolute error over channels
    assert calibration.ause == pytest.approx(0.09428, abs=1e-3)


@pytest.mark.parametrize(('smallest', 'largest'), [(0.5, 2), (2, 20)])
def test_true_expectations_are_found_honest_even_within_a_grey_level(smallest, largest):
    expected, restored, truth = drawn(smallest, largest)
    honest = measured(expected, restored, truth)
    assert honest.calibration_error < 0.005
    for level in (0.5, 0.8, 0.9, 0.95):
        assert honest.coverage(level) == pytest.approx(level, abs=0.01)
    for wrong in (0.5, 2):
        other = measured(wrong * expected, restored, truth)
        assert other.calibration_error > 0.1
        assert other.nll > honest.nll + 0.1
        assert (other.coverage(0.8) > 0.8) == (wrong > 1)
        assert other.ause == pytest.approx(honest.ause, abs=0.02)


def test_ause_is_0_for_the_truth_itself_and_grows_with_disorder():
    expected, restored, truth = drawn(1, 20)
    error = np.abs(restored.astype(float) - truth).mean(axis=2)
    scores = [
        measured(guess, restored, truth).ause
        for guess in (error, expected, np.full(SIZE, 5.0), 20 / expected)
    ]
    assert scores[0] == pytest.approx(0, abs=0.002)
    assert scores == sorted(scores)
    assert scores[1] < scores[2] / 2 < scores[3] / 3


def test_sparsification_of_three_levels_worked_out_by_hand():
    truth = np.zeros((1, 4), np.uint8)
    restored = np.array([[8, 4, 4, 0]], np.uint8)
    removed, expected, oracle = measured(
        np.array([[1.0, 8, 8, 2]]), restored, truth
    ).sparsification()
    quarters = slice(None, None, 25)
    assert removed[quarters] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert expected[quarters] == pytest.approx([1, 1, 1, 2, 2])
    assert oracle[quarters] == pytest.approx([1, 2 / 3, 0.5, 0, 0])


def test_frames_and_workers_add_up():
    frames = [drawn(1, 9, seed) for seed in range(3)]
    together, first, second = Calibration(), Calibration(), Calibration()
    for frame in frames:
        together.add(*frame)
    first.add(*frames[0])
    second.add(*frames[1])
    second.add(*frames[2])
    first += second
    stacked = measured(*(np.concatenate(parts) for parts in zip(*frames, strict=True)))
    for other in (first, stacked):
        assert other.pixels == together.pixels == 3 * SIZE[0] * SIZE[1]
        for name in ('nll', 'calibration_error', 'ause'):
            assert getattr(other, name) == pytest.approx(getattr(together, name), abs=1e-12)


def test_only_lost_pixels_count():
    expected, restored, truth = drawn(1, 9)
    lost = np.random.default_rng(1).random(SIZE) < 0.3
    kept = measured(expected, restored, truth, lost)
    elsewhere = np.where(lost[..., None], restored, 255 - truth).astype(np.uint8)
    assert kept.pixels == lost.sum()
    assert measured(expected, elsewhere, truth, lost).nll == kept.nll
    assert measured(expected, elsewhere, truth).nll > kept.nll + 1


def test_grey_is_colour_with_equal_channels():
    expected, restored, truth = drawn(1, 9)
    grey = measured(expected, restored[..., 0], truth[..., 0])
    colour = measured(expected, *(np.repeat(x[..., :1], 3, axis=2) for x in (restored, truth)))
    assert grey.pixels == colour.pixels
    assert grey.nll == pytest.approx(colour.nll, abs=1e-12)
    assert grey.ause == pytest.approx(colour.ause, abs=1e-12)


def test_sure_and_right_is_finite_and_nothing_counted_is_nan():
    frame = np.zeros((*SIZE, 3), np.uint8)
    sure = measured(np.zeros(SIZE), frame, frame)
    assert sure.nll == pytest.approx(math.log(0.5))
    assert sure.ause == 0
    nothing = measured(np.zeros(SIZE), frame, frame, np.zeros(SIZE, bool))
    assert nothing.pixels == 0
    values = (nothing.nll, nothing.coverage(0.5), nothing.calibration_error, nothing.ause)
    assert all(math.isnan(value) for value in values)


def test_bad_input_is_refused():
    expected, restored, truth = drawn(1, 9)
    with pytest.raises(InputError, match='does not fit'):
        measured(expected[:5], restored, truth)
    for bad in (-1, math.nan, math.inf):
        with pytest.raises(InputError, match='finite and 0 or more'):
            measured(np.full(SIZE, bad), restored, truth)
    with pytest.raises(InputError, match='got 80'):
        measured(expected, restored, truth).coverage(80)
