# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The restoration program computes what the engine in NumPy and OpenCV does."""

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed')

from support.drive_program import (  # noqa: E402
    drive_case,
    noise_case,
    run_program,
    STAMP,
)

from siammcvae_core.engines.drive import DriveEngine  # noqa: E402
from siammcvae_core.engines.factory import shipped  # noqa: E402
from siammcvae_core.frames import paste  # noqa: E402
from siammcvae_core.model.checkpoint import load_model  # noqa: E402
from siammcvae_core.model.drive import DriveMCVAE  # noqa: E402
from siammcvae_core.model.profiles import DriveProfile  # noqa: E402

MEAN, SHARE = 0.05, 0.001
"""Bounds of the mean difference in grey levels, and of the share that differs by more than 1."""
MASKS = ('random:0.75', 'band:0.25', 'block:0.05', 'dirt:0.2', 'slices:0.3', 'full')


@pytest.fixture(scope='module')
def weights():
    return shipped('drive')


@pytest.fixture(scope='module')
def engine(weights):
    return DriveEngine(weights)


@pytest.fixture(scope='module')
def model(weights):
    return load_model(weights, DriveMCVAE, DriveProfile).eval()


def compare(engine, model, case):
    """Differences of lost pixels, (n, C); intact ones must be equal."""
    references, frame, mask = case
    expected = engine.restore(references, frame, mask, STAMP)
    restored, error = run_program(model, case)
    assert restored.dtype == np.uint8
    np.testing.assert_array_equal(restored[~mask], frame[~mask])
    np.testing.assert_allclose(error[mask].mean(), expected.expected_error()[mask].mean(), 0.02)
    assert not error[~mask].any()
    pasted = paste(frame, expected.frame, mask)
    return np.abs(restored[mask].astype(int) - pasted[mask])


@pytest.mark.parametrize('make', [drive_case, noise_case])
@pytest.mark.parametrize('mask', MASKS)
def test_every_mask(engine, model, make, mask):
    difference = compare(engine, model, make((368, 640), mask, 1))
    assert difference.mean() <= MEAN
    assert (difference > 1).mean() <= SHARE


@pytest.mark.parametrize(
    ('size', 'bound'), [((720, 1280), MEAN), ((359, 641), MEAN), ((211, 333), 0.1)]
)
def test_other_sizes(engine, model, size, bound):
    """The last is enlarged to whole patches, where OpenCV rounds down twice on the way."""
    differences = [
        compare(engine, model, drive_case(size, mask, number))
        for number, mask in enumerate(('random:0.75', 'band:0.25', 'full'))
    ]
    difference = np.concatenate([d.ravel() for d in differences])
    assert difference.mean() <= bound
    assert (difference > 1).mean() <= SHARE


def test_grey_frames(engine, model):
    difference = compare(engine, model, drive_case((192, 320), 'random:0.75', 1, grey=True))
    assert difference.mean() <= MEAN


def test_lost_pixels_have_no_influence(model):
    references, frame, mask = drive_case((192, 320), 'block:0.2', 1)
    other = frame.copy()
    other[mask] = np.random.default_rng(0).integers(0, 256, (int(mask.sum()), 3))
    one, two = (run_program(model, (references, f, mask))[0] for f in (frame, other))
    np.testing.assert_array_equal(one[mask], two[mask])
