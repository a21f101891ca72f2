# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""J, F, PCK and IoU against values that can be worked out by hand."""

import numpy as np
import pytest

from siammcvae_core.propagation.measures import boundary_f, confusion, jaccard, mean_iou, pck


def box(top: int, left: int, tall: int = 20, wide: int = 30) -> np.ndarray:
    mask = np.zeros((100, 120), bool)
    mask[top : top + tall, left : left + wide] = True
    return mask


@pytest.mark.parametrize('shift', [0, 3, 10, 30])
def test_jaccard_of_a_shifted_box(shift: int) -> None:
    expected = (30 - shift) / (30 + shift)
    assert jaccard(box(10, 10), box(10, 10 + shift)) == pytest.approx(expected)


def test_measures_of_empty_masks() -> None:
    none, some = np.zeros((100, 120), bool), box(10, 10)
    assert (jaccard(none, none), boundary_f(none, none)) == (1.0, 1.0)
    assert (jaccard(none, some), boundary_f(none, some)) == (0.0, 0.0)
    assert (jaccard(some, none), boundary_f(some, none)) == (0.0, 0.0)


def test_boundaries_agree_up_to_the_reach() -> None:
    # 0.008 of the diagonal of 100 x 120 is 1.25 px: boundaries 2 px apart still agree.
    truth = box(10, 10)
    assert boundary_f(truth, truth) == 1.0
    assert boundary_f(box(10, 12), truth) == 1.0
    assert boundary_f(box(60, 70), truth) == 0.0


def test_boundary_of_a_shifted_box() -> None:
    # Of 100 px of outline, with a reach of 2 px, these do not agree after a shift by 8 px: of the
    # level sides 6 px each, where they stick out; the upright side that sticks out, 19 px; the
    # other one, 19 px less 2 at either end that lie near the level sides.
    agree = 100 - 2 * 6 - 19 - (19 - 4)
    assert boundary_f(box(10, 18), box(10, 10)) == pytest.approx(agree / 100)


def test_pck_of_points_that_are_off_by_a_known_length() -> None:
    truth = np.array([[[0.0, 0.0], [30.0, 40.0], [10.0, 10.0]]] * 4)  # box diagonal 50, unit 30
    off = np.array([0.0, 2.9, 3.1, 6.1])[:, None, None] * np.array([0.6, 0.8])
    given = np.ones(3, bool)
    for alpha, expected in ((0.1, 2), (0.2, 3)):
        right, counted = pck(truth + off, truth, given, alpha)
        assert right.tolist() == [expected] * 3
        assert counted.tolist() == [4] * 3


def test_lost_points_are_wrong_and_points_not_given_do_not_count() -> None:
    truth = np.array([[[0.0, 0.0], [30.0, 40.0], [500.0, 10.0]]] * 2)
    predicted = truth.copy()
    predicted[1, 0] = np.nan
    right, counted = pck(predicted, truth, np.array([True, True, False]), 0.1)
    assert right.tolist() == [1, 2, 0]
    assert counted.tolist() == [2, 2, 0]
    # The point that was not given does not stretch the box either.
    assert pck(truth + 4, truth, np.array([True, True, False]), 0.1)[0].sum() == 0


def test_mean_iou_of_two_bands() -> None:
    truth, predicted = np.zeros((2, 10, 10), np.uint8)
    truth[:, 5:], predicted[:, 7:] = 3, 3
    counts = confusion(predicted, truth)
    assert counts.sum() == 100
    assert counts[3, 0] == 20
    # Classes 0: 50 of 70; 3: 30 of 50; the others do not occur.
    assert mean_iou(counts) == pytest.approx((50 / 70 + 30 / 50) / 2)
    assert mean_iou(confusion(truth, truth)) == 1.0
