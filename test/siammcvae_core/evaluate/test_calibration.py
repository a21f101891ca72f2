# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Expected against true errors, summed over clips, with the age of the reference to compare."""

import numpy as np
import pytest

from siammcvae_core.evaluate.calibration import calibration_rows, COLUMNS, MethodCalibration


def frames(seed, scale):
    """Make a frame with Laplace errors of that scale at each pixel, the truth, half a mask."""
    rng = np.random.default_rng(seed)
    truth = np.full((64, 96), 128, np.uint8)
    errors = rng.laplace(0, scale, truth.shape)
    restored = np.clip(np.round(truth + errors), 0, 255).astype(np.uint8)
    return restored, truth, np.arange(96) % 2 * np.ones((64, 1)) > 0


def scales():
    return np.linspace(2, 20, 96, dtype=np.float32) * np.ones((64, 1), np.float32)


def test_exact_error_scales_are_calibrated_and_beat_the_age():
    calibration = MethodCalibration()
    for seed in range(8):
        restored, truth, mask = frames(seed, scales())
        calibration.add(scales(), 0.1, restored, truth, mask)
    row = calibration.row('drive')
    assert tuple(row) == COLUMNS
    for level in (50, 80, 90, 95):
        assert row[f'coverage_{level}'] == pytest.approx(level / 100, abs=0.02)
    assert row['ause'] < 0.5 * row['ause_age']
    assert row['pixels'] == 8 * 64 * 48


def test_overconfident_and_underconfident_methods_show():
    rows = []
    for factor in (0.3, 3):
        calibration = MethodCalibration()
        restored, truth, mask = frames(0, scales())
        calibration.add(factor * scales(), 0.1, restored, truth, mask)
        rows.append(calibration.row('drive'))
    assert rows[0]['coverage_80'] < 0.5
    assert rows[1]['coverage_80'] > 0.95


def test_age_separates_old_references_from_new_ones():
    calibration = MethodCalibration()
    for seconds, scale in ((0.1, 2.0), (1.0, 20.0)):
        restored, truth, mask = frames(0, scale)
        flat = np.full(truth.shape, 5, np.float32)
        calibration.add(flat, seconds, restored, truth, mask)
    row = calibration.row('flat')
    assert row['ause_age'] < row['ause']


def test_counts_of_several_clips_add_up():
    parts = []
    for seed in (0, 1):
        restored, truth, mask = frames(seed, scales())
        part = {name: MethodCalibration() for name in (('copy', 'drive') if seed else ('drive',))}
        for counts in part.values():
            counts.add(scales(), 0.1, restored, truth, mask)
        parts.append(part)
    rows = {row['method']: row for row in calibration_rows(parts)}
    assert rows['drive']['pixels'] == 2 * rows['copy']['pixels']
