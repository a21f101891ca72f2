# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scores of a data set by its own protocol."""

from collections.abc import Callable, Iterable

import numpy as np

from siammcvae_core.errors import InputError
from siammcvae_core.propagation.affinity import PropagationSettings
from siammcvae_core.propagation.carry import carry_masks, carry_points, within
from siammcvae_core.propagation.features import FrameEncoder
from siammcvae_core.propagation.layouts import read_frame, read_mask, Video
from siammcvae_core.propagation.measures import boundary_f, confusion, jaccard, mean_iou, pck

Scores = dict[str, float]
ALPHAS = (0.1, 0.2)


def score_segments(
    videos: Iterable[Video], features: FrameEncoder | None, settings: PropagationSettings
) -> Scores:
    """Compute J&F, J and F as DAVIS 2017 does.

    Each is the mean over an object's labelled frames but the first and the last, then over all
    objects of all videos. The objects are those of a video's first frame. Raises InputError for a
    video with fewer than three labelled frames.
    """
    objects: list[np.ndarray] = []
    for video in videos:
        ids: list[int] = []
        scored = []  # frames x objects x (J, F)
        for mask, predicted in zip(
            video.masks, carry_masks(video, features, settings), strict=True
        ):
            if mask is None:
                continue
            truth = read_mask(mask)
            ids = ids or [i for i in np.unique(truth).tolist() if i not in (0, 255)]
            pairs = [(predicted == i, truth == i) for i in ids]
            scored.append([(jaccard(*pair), boundary_f(*pair)) for pair in pairs])
        if len(scored) < 3 or not ids:
            raise InputError(
                f'{video.name}: needs three labelled frames and an object in the first, got '
                f'{len(scored)} frames and {len(ids)} objects'
            )
        objects.extend(np.mean(scored[1:-1], axis=0))
    j, f = np.mean(objects, axis=0).tolist()
    return {'J&F': (j + f) / 2, 'J': j, 'F': f}


def score_keypoints(
    videos: Iterable[Video], features: FrameEncoder | None, settings: PropagationSettings
) -> Scores:
    """Compute PCK@0.1 and PCK@0.2 as the JHMDB protocol does: per joint, then their mean.

    The first frame, whose joints are given, does not count; a joint that got lost is wrong.
    """
    correct: dict[float, np.ndarray | int] = dict.fromkeys(ALPHAS, 0)
    counted: np.ndarray | int = 0
    for video in videos:
        size = read_frame(video.frames[0]).shape
        given = within(video.points[0], (size[0], size[1]))
        predicted = carry_points(video, features, settings)
        for alpha in ALPHAS:
            hits, total = pck(predicted[1:], video.points[1:], given, alpha)
            correct[alpha] = correct[alpha] + hits
        counted = counted + total
    looked_for = np.asarray(counted) > 0
    if not looked_for.any():
        raise InputError('no video has a joint in its first frame and a second frame')
    share = {
        a: np.asarray(r)[looked_for] / np.asarray(counted)[looked_for] for a, r in correct.items()
    }
    return {f'PCK@{alpha}': float(values.mean()) for alpha, values in share.items()}


def score_parts(
    videos: Iterable[Video], features: FrameEncoder | None, settings: PropagationSettings
) -> Scores:
    """Compute mIoU as the VIP protocol does: over all labelled frames, the first ones included."""
    counts = np.zeros((256, 256), np.int64)
    for video in videos:
        for mask, predicted in zip(
            video.masks, carry_masks(video, features, settings), strict=True
        ):
            if mask is not None:
                counts += confusion(predicted, read_mask(mask))
    return {'mIoU': mean_iou(counts)}


SCORES: dict[str, Callable[[Iterable[Video], FrameEncoder | None, PropagationSettings], Scores]] = {
    'davis': score_segments,
    'jhmdb': score_keypoints,
    'vip': score_parts,
}
"""How each layout is scored."""
