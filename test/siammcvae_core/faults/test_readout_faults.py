# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0

import numpy as np

from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.faults.readout import noise_runs, RUNS


def noise(seed, shape=(60, 80, 3)):
    return np.random.default_rng(seed).integers(1, 255, shape, np.uint8)


def strike(spec, frames, burst=100):
    injector = FaultInjector([spec], 1.0, 4, burst)
    return [injector.inject(i, frame) for i, frame in enumerate(frames)]


def test_tearing_shows_the_frame_before_below_one_line():
    frames = [noise(seed) for seed in range(4)]
    results = strike('tearing:0.4', frames)
    assert not results[0].frame[36:].any()  # nothing came before
    for before, frame, result in zip(frames, frames[1:], results[1:], strict=False):
        assert np.array_equal(result.frame[:36], frame[:36])
        assert np.array_equal(result.frame[36:], before[36:])  # as captured, not as torn
        assert result.mask[36:].all()
        assert not result.mask[:36].any()


def test_stale_rows_are_lost_even_where_nothing_moved():
    still = noise(0)
    result = strike('tearing:0.25', [still, still])[1]
    assert np.array_equal(result.frame, still)
    assert result.mask.sum() == 15 * 80


def test_tearing_forgets_what_a_loop_or_another_size_left():
    injector = FaultInjector(['tearing:0.5'], 1.0, 0, 100)
    injector.inject(5, noise(0))
    assert not injector.inject(2, noise(1)).frame[30:].any()
    assert not injector.inject(3, noise(2, (40, 80, 3))).frame[20:].any()
    assert injector.inject(4, noise(3, (40, 80, 3))).frame[20:].all()


def test_dead_lines_are_stuck_at_black_or_white():
    for spec, axis in (('dead_rows:0.2', 0), ('dead_columns:0.2', 1)):
        first, later = strike(spec, [noise(0), noise(1)])
        lines = np.moveaxis(first.frame, axis, 0)[first.mask.all(axis=1 - axis)]
        assert len(lines) == round(0.2 * first.mask.shape[axis])
        flat = lines.reshape(len(lines), -1)
        assert (flat == flat[:, :1]).all()
        assert set(flat[:, 0]) == {0, 255}
        assert np.array_equal(first.frame[first.mask], later.frame[later.mask])


def test_noise_comes_in_few_runs_that_begin_within_lines():
    spanning = 0
    for seed in range(20):
        mask = noise_runs((60, 80), 0.3, np.random.default_rng(seed))
        assert mask.sum() == 1440
        edges = np.flatnonzero(np.diff(mask.ravel(), prepend=False, append=False))
        assert len(edges) <= 2 * RUNS
        spanning += int((edges % 80 != 0).any())
    assert spanning == 20
    frame = np.full((60, 80, 3), 128, np.uint8)
    result = strike('noise:0.3', [frame])[0]
    values = result.frame[result.mask]
    assert 120 < values.mean() < 135
    assert values.std() > 65  # of 74 for all bytes alike
