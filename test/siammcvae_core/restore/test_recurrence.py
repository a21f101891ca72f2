# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recurrence: while damage lasts, restored frames serve as references, as long as that helps."""

import cv2
import numpy as np
import pytest

from siammcvae_core.engines import Restoration
from siammcvae_core.metrics import psnr
from siammcvae_core.restore.restored_frame import RestoreMethod
from siammcvae_core.restore.restorer import Restorer

SIZE = (128, 192)
COUNT = 14


@pytest.fixture(scope='module')
def swerving():
    """Film a texture with a camera that swings from side to side: constant velocity soon fails."""
    noise = np.random.default_rng(0).standard_normal((128, 400, 3)).astype(np.float32)
    texture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX)
    texture = texture.astype(np.uint8)
    places = [100 + round(40 * np.sin(k / 4)) for k in range(COUNT)]
    return [np.ascontiguousarray(texture[:, x : x + SIZE[1]]) for x in places]


def observed(frames):
    restorer = Restorer(max_reference_age=10)
    restorer.observe(frames[0], 0.0)
    restorer.observe(frames[1], 0.1)
    return restorer


def scattered(seed, share=0.5):
    cells = np.random.default_rng(seed).random((SIZE[0] // 16, SIZE[1] // 16)) < share
    return cells.repeat(16, 0).repeat(16, 1)


def scores(frames, masks, reset):
    """Restore all frames from the third on; `reset` keeps only the intact ones every time."""
    restorer, values = observed(frames), []
    for number, mask in enumerate(masks, start=2):
        if reset:
            restorer = observed(frames)
        damaged = cv2.copyTo(np.zeros_like(frames[0]), mask.view(np.uint8), frames[number].copy())
        restored = restorer.restore(damaged, mask, number / 10)
        assert restored.method is RestoreMethod.WARP
        values.append(psnr(restored.frame, frames[number], mask))
    return np.array(values)


def test_a_moving_hole_is_restored_from_restored_frames(swerving):
    masks = [scattered(seed) for seed in range(2, COUNT)]
    recurrent, direct = (scores(swerving, masks, reset) for reset in (False, True))
    assert recurrent[0] == direct[0]
    assert recurrent[4:].mean() > direct[4:].mean() + 3


def test_in_a_static_hole_that_helps_too(swerving):
    masks = [scattered(1)] * (COUNT - 2)
    recurrent, direct = (scores(swerving, masks, reset) for reset in (False, True))
    assert recurrent[0] == direct[0]
    assert recurrent[4:].mean() > direct[4:].mean() + 0.3


class AgeEngine:
    """An engine that restores in 10 times the age of its reference, which is its error."""

    patch = 16
    references = 2
    eager = False

    def __init__(self):
        self.seen, self.errors = [], []

    def encode_reference(self, frame):
        return None

    def restore(self, references, frame, mask, stamp):
        ages = [round(10 * (stamp - kept.stamp)) for kept in references.frames]
        self.seen.append(tuple(ages))
        self.errors.append([kept.error for kept in references.frames])
        error = np.full(mask.shape, ages[0], np.float32)
        return Restoration(np.full_like(frame, 10 * ages[0]), lambda: error)


def test_in_a_static_hole_two_views_are_merged_by_their_expected_errors(swerving):
    engine = AgeEngine()
    restorer = Restorer(engine, max_reference_age=10)
    restorer.observe(swerving[0], 0.0)
    restorer.observe(swerving[1], 0.1)
    mask = scattered(1)
    results = [restorer.restore(swerving[n], mask, n / 10) for n in (2, 3, 4)]
    # From the frame restored before, led by the intact one; and from the intact ones alone.
    assert engine.seen == [(1, 2), (1, 2), (2, 3), (1, 3), (3, 4)]
    # Each weighs by the error of the other: 10 of error 1 beside 20 of error 6, then 30 of 9.
    assert [r.frame[mask].mean() for r in results] == [10, round(80 / 7), round(120 / 10)]
    doubt = [r.uncertainty()[mask].mean() for r in results]
    assert doubt == pytest.approx([1, 12 / 7, 18 / 10], rel=1e-4)
    np.testing.assert_array_equal(results[2].frame[~mask], swerving[4][~mask])
    elsewhere = restorer.restore(swerving[5], ~mask, 0.5)
    assert engine.seen[5:] == [(1, 2)]
    assert (elsewhere.frame[~mask] == 10).all()


def test_a_restored_reference_comes_with_its_error(swerving):
    engine = AgeEngine()
    restorer = Restorer(engine, max_reference_age=10)
    restorer.observe(swerving[0], 0.0)
    restorer.observe(swerving[1], 0.1)
    restorer.restore(swerving[2], scattered(1), 0.2)
    restorer.restore(swerving[3], scattered(2), 0.3)
    (first, _), (newest, before) = engine.errors
    assert first is None
    assert (newest == 1).all()
    assert before is None


def test_where_the_expected_error_fails_intact_frames_are_the_references(swerving):
    class FailingErrorEngine(AgeEngine):
        def restore(self, *given):
            def fail():
                raise RuntimeError('no expected error')

            return Restoration(super().restore(*given).frame, fail)

    engine = FailingErrorEngine()
    restorer = Restorer(engine, max_reference_age=10)
    restorer.observe(swerving[0], 0.0)
    restorer.observe(swerving[1], 0.1)
    for number in (2, 3):
        assert (
            restorer.restore(swerving[number], scattered(1), number / 10).method
            is RestoreMethod.MODEL
        )
    assert engine.seen == [(1, 2), (2, 3)]


def test_uncertainty_grows_with_the_age_of_the_last_intact_frame(swerving):
    restorer, mask = observed(swerving), scattered(1)
    means = []
    for number in range(2, 8):
        restored = restorer.restore(swerving[number], mask, number / 10)
        means.append(restored.uncertainty()[mask].mean())
    assert means == sorted(means)
    assert means[-1] > 1.3 * means[0]


def test_a_frame_lost_whole_is_no_reference(swerving):
    plain, disturbed = observed(swerving), observed(swerving)
    disturbed.restore(swerving[3], np.ones(SIZE, bool), 0.2)
    results = [r.restore(swerving[4], scattered(6), 0.4).frame for r in (plain, disturbed)]
    np.testing.assert_array_equal(*results)


def test_age_is_counted_from_the_last_intact_frame(swerving):
    restorer = observed(swerving)
    restorer.max_reference_age = 0.35
    methods = []
    for number in range(2, 7):
        restored = restorer.restore(swerving[number], scattered(number), number / 10)
        methods.append(restored.method)
        assert restored.reference_age == pytest.approx(number / 10 - 0.1)
    assert methods == [RestoreMethod.WARP] * 3 + [RestoreMethod.PASS] * 2


@pytest.mark.parametrize('end', ['observe', 'reset', 'forget', 'back'])
def test_restored_frames_are_dropped_once_other_frames_are_kept(swerving, end):
    plain, disturbed = observed(swerving), observed(swerving)
    garbage = np.random.default_rng(9).integers(0, 256, swerving[0].shape, np.uint8)
    disturbed.restore(garbage, scattered(5), 0.2)
    for restorer in (plain, disturbed):
        if end == 'observe':
            restorer.observe(swerving[3], 0.3)
        elif end == 'reset':
            restorer.reset()
            restorer.observe(swerving[0], 0.0)
            restorer.observe(swerving[1], 0.1)
        elif end == 'forget':
            restorer.forget(0.1)
    stamp = 0.15 if end == 'back' else 0.4
    results = [r.restore(swerving[4], scattered(6), stamp) for r in (plain, disturbed)]
    assert results[0].method is results[1].method
    np.testing.assert_array_equal(results[0].frame, results[1].frame)
