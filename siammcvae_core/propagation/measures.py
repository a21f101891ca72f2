# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The measures of label propagation: J and F of segments, PCK of keypoints, IoU of parts."""

import cv2
import numpy as np

BOUNDARY = 0.008
"""How far apart two boundaries may be to agree, as a share of the frame's diagonal."""
TORSO = 0.6
"""The length that keypoint errors are measured in, as a share of the diagonal of a person's box."""


def jaccard(predicted: np.ndarray, truth: np.ndarray) -> float:
    """J: intersection over union of two masks, bool (H, W); 1 where both are empty."""
    union = np.count_nonzero(predicted | truth)
    return np.count_nonzero(predicted & truth) / union if union else 1.0


def boundary_f(predicted: np.ndarray, truth: np.ndarray) -> float:
    """F: agreement of the boundaries of two masks, bool (H, W), as DAVIS measures it.

    The harmonic mean of the share of the predicted boundary that lies near the true one and of the
    share of the true one that lies near the predicted one.
    """
    reach = int(np.ceil(BOUNDARY * np.hypot(*truth.shape)))
    across = np.arange(-reach, reach + 1)
    disk = (across[:, None] ** 2 + across**2 <= reach**2).astype(np.uint8)
    ours, theirs = _boundary(predicted), _boundary(truth)
    if not ours.any() or not theirs.any():
        return float(ours.any() == theirs.any())
    precision = np.mean(cv2.dilate(theirs, disk)[ours > 0])
    recall = np.mean(cv2.dilate(ours, disk)[theirs > 0])
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def pck(
    predicted: np.ndarray, truth: np.ndarray, given: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Count the right keypoints among those looked for, per joint, (J,) each.

    `predicted` and `truth` (T, J, 2) are pixels, the first NaN where a joint got lost, which is
    wrong; `given` bool (J,) tells which joints the first frame has. Right is what errs by at most
    `alpha` times 0.6 of the diagonal of the box around the frame's true joints.
    """
    joints = truth[:, given]
    box = joints.max(1) - joints.min(1)  # (T, 2)
    unit = TORSO * np.hypot(box[:, 0], box[:, 1])
    error = np.linalg.norm(predicted - truth, axis=-1)  # (T, J)
    right = (error <= alpha * unit[:, None]) & given
    return right.sum(0), np.where(given, len(truth), 0)


def confusion(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Count pixels by true (row) and predicted class, (256, 256), of two uint8 (H, W)."""
    pairs = truth.astype(np.int64) * 256 + predicted
    return np.bincount(pairs.ravel(), minlength=256 * 256).reshape(256, 256)


def mean_iou(counts: np.ndarray) -> float:
    """Average the intersection over union of the classes that occur; `counts` by `confusion`."""
    right = np.diag(counts)
    union = counts.sum(0) + counts.sum(1) - right
    return float(np.mean(right[union > 0] / union[union > 0]))


def _boundary(mask: np.ndarray) -> np.ndarray:
    """Mark the pixels that differ from their right, lower or lower right neighbour, uint8."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode='edge')
    here = padded[:-1, :-1]
    differs = (here ^ padded[1:, :-1]) | (here ^ padded[:-1, 1:]) | (here ^ padded[1:, 1:])
    return differs.astype(np.uint8)
