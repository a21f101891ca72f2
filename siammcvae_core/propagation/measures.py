# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The measures of label propagation: J and F of segments, PCK of keypoints, IoU of parts."""

import cv2
import numpy as np

BOUNDARY = 0.008
"""Distance up to which two boundaries agree, as a share of the frame's diagonal."""
TORSO = 0.6
"""The length that keypoint errors are measured in, as a share of the diagonal of a person's box."""


def jaccard(predicted: np.ndarray, truth: np.ndarray) -> float:
    """J: intersection over union of two masks, bool (H, W); 1 where both are empty."""
    union = np.count_nonzero(predicted | truth)
    return np.count_nonzero(predicted & truth) / union if union else 1.0


def boundary_f(predicted: np.ndarray, truth: np.ndarray) -> float:
    """F of two masks, bool (H, W), as DAVIS measures it: agreement of their boundaries.

        F = 2 precision recall / (precision + recall)

    with precision the share of the predicted boundary within 0.8 % of the diagonal of the true one,
    and recall the share of the true boundary as near to the predicted one.
    """
    radius = int(np.ceil(BOUNDARY * np.hypot(*truth.shape)))
    across = np.arange(-radius, radius + 1)
    disk = (across[:, None] ** 2 + across**2 <= radius**2).astype(np.uint8)
    ours, theirs = _boundary(predicted), _boundary(truth)
    if not ours.any() or not theirs.any():
        return float(ours.any() == theirs.any())
    precision = np.mean(cv2.dilate(theirs, disk)[ours > 0])
    recall = np.mean(cv2.dilate(ours, disk)[theirs > 0])
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def pck(
    predicted: np.ndarray, truth: np.ndarray, given: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Count the correct keypoints among those searched for, per joint, (J,) each.

    `predicted` and `truth` (T, J, 2) are pixels, the first NaN where a joint got lost, which is
    wrong; `given` bool (J,) marks the joints of the first frame. With d the diagonal of the box
    around the true joints of a frame, a joint is correct if

        |predicted - truth| <= alpha * 0.6 d
    """
    joints = truth[:, given]
    box = joints.max(1) - joints.min(1)  # (T, 2)
    unit = TORSO * np.hypot(box[:, 0], box[:, 1])
    error = np.linalg.norm(predicted - truth, axis=-1)  # (T, J)
    correct = (error <= alpha * unit[:, None]) & given
    return correct.sum(0), np.where(given, len(truth), 0)


def confusion(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Count pixels by true (row) and predicted class, (256, 256), of two uint8 (H, W)."""
    pairs = truth.astype(np.int64) * 256 + predicted
    return np.bincount(pairs.ravel(), minlength=256 * 256).reshape(256, 256)


def mean_iou(counts: np.ndarray) -> float:
    """Average the intersection over union of the classes that occur; `counts` by `confusion`."""
    hits = np.diag(counts)
    union = counts.sum(0) + counts.sum(1) - hits
    return float(np.mean(hits[union > 0] / union[union > 0]))


def _boundary(mask: np.ndarray) -> np.ndarray:
    """Mark the pixels that differ from their right, lower or lower right neighbour, uint8."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode='edge')
    here = padded[:-1, :-1]
    differs = (here ^ padded[1:, :-1]) | (here ^ padded[:-1, 1:]) | (here ^ padded[1:, 1:])
    return differs.astype(np.uint8)
