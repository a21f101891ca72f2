# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Objects found in a frame, and which of two findings are the same ones."""

from dataclasses import dataclass

import numpy as np

SAME = 0.5
"""Least intersection over union of two boxes of the same object, as in PASCAL VOC."""


@dataclass(frozen=True, eq=False)
class Objects:
    """Objects that a detector found in a frame.

    `boxes` is float32 (N, 4): left, top, right, bottom in pixels. `scores`, float32 (N,), are 0 to
    1, `classes`, int (N,), the numbers of the detector.
    """

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray

    def __len__(self) -> int:
        """Count the objects."""
        return len(self.scores)

    def pick(self, chosen: np.ndarray) -> 'Objects':
        """Return those of a boolean or index array, (N,) or (M,)."""
        return Objects(self.boxes[chosen], self.scores[chosen], self.classes[chosen])

    def lost_share(self, mask: np.ndarray) -> np.ndarray:
        """Return how much of every box is lost, float (N,), 0 to 1; `mask` is bool (H, W)."""
        height, width = mask.shape
        sums = np.zeros((height + 1, width + 1), np.int64)
        sums[1:, 1:] = mask.cumsum(0, np.int64).cumsum(1)
        edges = np.clip(np.round(self.boxes), 0, (width, height, width, height)).astype(int)
        left, top, right, bottom = edges.T
        lost = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        area = (right - left) * (bottom - top)
        return np.asarray(lost / np.maximum(area, 1))


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the intersection over union of boxes, (N, 4) and (M, 4); float (N, M)."""
    upper = np.maximum(a[:, None, :2], b[None, :, :2])  # (N, M, 2)
    lower = np.minimum(a[:, None, 2:], b[None, :, 2:])  # (N, M, 2)
    common = np.prod(np.clip(lower - upper, 0, None), axis=2)  # (N, M)
    areas = [np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1) for boxes in (a, b)]
    union = areas[0][:, None] + areas[1][None] - common
    return np.asarray(common / np.maximum(union, np.finfo(np.float32).tiny))


def match(wanted: Objects, found: Objects) -> np.ndarray:
    """Return for every wanted object the index of the found one that is it, or -1; int (N,).

    Of the same class, and with an intersection over union of at least SAME; one to one, the pairs
    that overlap most first.
    """
    overlap = iou(wanted.boxes, found.boxes)  # (N, M)
    overlap[wanted.classes[:, None] != found.classes[None]] = 0
    indices = np.full(len(wanted), -1)
    for pair in np.argsort(-overlap, axis=None, kind='stable'):
        n, m = np.unravel_index(pair, overlap.shape)
        if overlap[n, m] < SAME:
            break
        if indices[n] < 0 and m not in indices:
            indices[n] = m
    return indices
