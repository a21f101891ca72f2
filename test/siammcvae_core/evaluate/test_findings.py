# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which objects count, which were found again, and what is correct, by hand."""

import numpy as np
import pytest

from siammcvae_core.evaluate.findings import compare, GREEN, ObjectCounts, ORANGE, RED
from siammcvae_core.perception import Objects

MASK = np.zeros((100, 100), bool)
MASK[:, 50:] = True
INTACT, LOST, OTHER, HALF = (0, 0, 20, 20), (60, 0, 80, 20), (60, 60, 80, 80), (40, 25, 60, 45)


def objects(*entries: tuple[tuple[int, int, int, int], float, int]) -> Objects:
    boxes = np.array([box for box, _, _ in entries], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score, _ in entries], np.float32)
    return Objects(boxes, scores, np.array([kind for _, _, kind in entries], int))


@pytest.mark.parametrize(
    ('truth', 'restored', 'counts'),
    [
        ([(LOST, 0.9, 2)], [(LOST, 0.4, 2)], (1, 1, 1, 1)),
        ([(LOST, 0.9, 2)], [], (1, 0, 0, 0)),
        ([], [(LOST, 0.9, 2)], (0, 0, 1, 0)),
        ([(LOST, 0.9, 2)], [(LOST, 0.9, 7)], (1, 0, 1, 0)),  # another class
        ([(LOST, 0.9, 2)], [(LOST, 0.3, 2)], (1, 0, 0, 0)),  # too unsure
        ([(INTACT, 0.9, 2)], [(INTACT, 0.9, 2)], (0, 0, 0, 0)),  # not lost
        ([(HALF, 0.9, 2)], [(HALF, 0.9, 2)], (1, 1, 1, 1)),
        ([(LOST, 0.4, 2)], [(LOST, 0.9, 2)], (0, 0, 1, 1)),  # unsure in the truth: not invented
        ([(LOST, 0.3, 2)], [(LOST, 0.9, 2)], (0, 0, 1, 0)),
        ([(LOST, 0.9, 2), (OTHER, 0.9, 2)], [(OTHER, 0.9, 2), (LOST, 0.9, 0)], (2, 1, 2, 1)),
    ],
)
def test_counts(truth: list, restored: list, counts: tuple[int, int, int, int]) -> None:
    assert compare(objects(*truth), objects(*restored), MASK).counts == ObjectCounts(*counts)


def test_boxes_are_drawn_in_their_colours() -> None:
    truth = objects((LOST, 0.9, 2), (OTHER, 0.9, 2))
    findings = compare(truth, objects((LOST, 0.9, 2), (HALF, 0.9, 2)), MASK)
    for frame in (np.zeros((100, 100, 3), np.uint8), np.zeros((100, 100), np.uint8)):
        drawn = findings.draw(frame)
        for (left, top, _, _), colour in ((LOST, GREEN), (OTHER, RED), (HALF, ORANGE)):
            assert tuple(drawn[top, left].tolist()) == colour
        assert not frame.any()
