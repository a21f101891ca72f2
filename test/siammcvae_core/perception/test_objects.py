# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which of two findings are the same objects, and how much of them is lost."""

import numpy as np
import pytest

from siammcvae_core.perception import iou, match, Objects


def objects(*boxes: tuple[float, float, float, float], classes: tuple[int, ...] = ()) -> Objects:
    array = np.array(boxes, np.float32).reshape(-1, 4)
    kinds = np.array(classes or [0] * len(array), int)
    return Objects(array, np.ones(len(array), np.float32), kinds)


def test_overlap_is_intersection_over_union() -> None:
    a = np.array([[0, 0, 10, 10], [20, 20, 30, 40]], float)
    b = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [9, 9, 9, 9]], float)
    np.testing.assert_allclose(iou(a, b), [[1, 50 / 150, 0], [0, 0, 0]])


def test_an_object_is_the_found_one_that_overlaps_most() -> None:
    wanted = objects((0, 0, 10, 10), (2, 0, 12, 10))
    found = objects((3, 0, 13, 10), (0, 0, 10, 10), (50, 50, 60, 60))
    assert match(wanted, found).tolist() == [1, 0]
    assert match(found, wanted).tolist() == [1, 0, -1]


def test_no_object_is_found_twice() -> None:
    assert match(objects((0, 0, 10, 10), (1, 0, 11, 10)), objects((0, 0, 10, 10))).tolist() == [
        0,
        -1,
    ]


def test_another_class_is_another_object() -> None:
    box = (0, 0, 10, 10)
    assert match(objects(box, classes=(2,)), objects(box, box, classes=(7, 2))).tolist() == [1]


def test_nothing_matches_nothing() -> None:
    assert match(objects(), objects((0, 0, 1, 1))).tolist() == []
    assert match(objects((0, 0, 1, 1)), objects()).tolist() == [-1]


@pytest.mark.parametrize(
    ('box', 'share'),
    [
        ((0, 0, 4, 4), 0.0),
        ((8, 0, 16, 4), 1.0),
        ((6, 0, 10, 8), 0.5),
        ((-9, -9, 0, 0), 0.0),  # outside
        ((12, 4, 90, 90), 1.0),  # only the part inside counts
        ((9, 9, 9, 9), 0.0),
    ],
)
def test_share_of_a_box_that_is_lost(box: tuple[float, ...], share: float) -> None:
    mask = np.zeros((12, 16), bool)
    mask[:, 8:] = True
    assert objects(box).lost_share(mask).tolist() == [share]  # type: ignore[arg-type]
