# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Objects are followed, and broken tracks counted, by hand."""

import numpy as np

from siammcvae_core.evaluate.tracks import follow
from siammcvae_core.perception import Objects


def cars(*lefts: float, scores: tuple[float, ...] = ()) -> Objects:
    boxes = np.array([(left, 0, left + 20, 20) for left in lefts], np.float32).reshape(-1, 4)
    return Objects(boxes, np.array(scores or [0.9] * len(lefts)), np.full(len(lefts), 2))


def test_objects_go_on_where_they_overlap() -> None:
    frames = [cars(0, 100), cars(105, 3), cars(6), cars(8, 112, 200)]
    assert [numbers.tolist() for numbers in follow(frames)] == [[0, 1], [1, 0], [0], [0, 2, 3]]


def test_unsure_objects_are_not_followed() -> None:
    frames = [cars(0, 100, scores=(0.4, 0.9)), cars(2, 102)]
    assert [numbers.tolist() for numbers in follow(frames)] == [[-1, 0], [1, 0]]


def test_frames_may_be_empty() -> None:
    assert [len(numbers) for numbers in follow([cars(), cars(1), cars()])] == [0, 1, 0]
