# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from siammcvae_core.faults.blobs import threshold
from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.faults.fills import depth, MUD

SHAPE = (180, 320, 3)


def chequered():
    """Fine detail that a blur takes away: every pixel is far from the mean."""
    y, x = np.indices(SHAPE[:2])
    return np.repeat(np.where((x + y) % 2, 200, 40).astype(np.uint8)[..., None], 3, axis=2)


def strike(spec, frame, seed=3):
    return FaultInjector([spec], 1.0, seed, 100).inject(0, frame)


def test_dirt_is_opaque_inside_and_fades_at_its_edge():
    result = strike('dirt:0.3', chequered())
    deep = depth(result.mask)
    assert (result.frame[deep >= 5] == MUD).all()
    change = np.abs(result.frame.astype(int) - chequered()).mean(axis=2)
    rim, middle = change[(deep > 0) & (deep < 2)].mean(), change[deep >= 5].mean()
    assert 0 < rim < 0.6 * middle


def test_droplets_blur_away_what_is_behind_them():
    result = strike('droplets:0.3', chequered())
    inside = result.frame[depth(result.mask) >= 5].astype(int)
    assert np.abs(inside - 120).max() <= 3  # of 80 in the frame


def test_glare_only_adds_light_and_is_white_in_its_middle():
    frame = np.full(SHAPE, 60, np.uint8)
    result = strike('glare:0.3', frame)
    assert (result.frame[result.mask] > 60).all()
    deep = depth(result.mask)
    assert (result.frame[deep > 0.9 * deep.max()] == 255).all()
    assert result.frame[(deep > 0) & (deep < 2)].mean() < 75
    assert np.argwhere(deep == deep.max())[0][0] < 0.6 * SHAPE[0]  # the sun stands high


def test_burn_takes_the_brightest_and_turns_it_white():
    ramp = np.repeat(np.linspace(0, 200, 320).astype(np.uint8)[None], 180, axis=0)
    result = strike('burn:0.25', ramp)
    assert result.mask[:, 250:].all()
    assert not result.mask[:, :230].any()
    assert (result.frame[:, 260:] == 255).all()
    assert (result.frame >= ramp).all()


@pytest.mark.parametrize('name', ['dirt', 'droplets', 'glare', 'burn'])
def test_a_small_spot_is_changed_all_the_same(name):
    frame = np.full(SHAPE, 100, np.uint8)
    frame[:, 200:] = 160
    result = strike(f'{name}:0.002', frame)
    assert result.mask.any()
    assert (result.frame != frame)[result.mask].any()


def test_cut_takes_the_highest_and_never_nothing():
    field = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert np.array_equal(threshold(field, (3, 4), 0.5), field >= 6)
    assert threshold(field, (3, 4), 0.001).sum() == 1
    assert threshold(field, (3, 4), 1.0).all()
    assert threshold(np.ones((2, 2), np.float32), (20, 20), 0.3).any()
