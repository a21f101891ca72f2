# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scores of whole data sets whose truth is known: perfect features, and labels left behind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from siammcvae_core.errors import InputError
from siammcvae_core.propagation.affinity import PropagationSettings
from siammcvae_core.propagation.carry import carry_points
from siammcvae_core.propagation.features import FrameEncoder
from siammcvae_core.propagation.layouts import read_videos
from siammcvae_core.propagation.measures import boundary_f, jaccard
from siammcvae_core.propagation.scores import score_keypoints, score_parts, score_segments

Drive = tuple[list[np.ndarray], np.ndarray]
Write = Callable[..., Path]
TrueFeatures = Callable[[list[Path], np.ndarray], FrameEncoder]


def test_true_features_carry_segments_perfectly(
    drive: Drive, as_davis: Write, true_features: TrueFeatures
) -> None:
    videos = read_videos(as_davis(*drive), 'davis')
    features = true_features(list(videos[0].frames), drive[1])
    assert score_segments(videos, features, PropagationSettings()) == {
        'J&F': 1.0,
        'J': 1.0,
        'F': 1.0,
    }


def test_true_features_carry_parts_perfectly_over_frames_without_labels(
    drive: Drive, as_vip: Write, true_features: TrueFeatures
) -> None:
    videos = read_videos(as_vip(*drive, every=3), 'vip')
    assert [mask is not None for mask in videos[0].masks] == [True, False, False] * 2
    features = true_features(list(videos[0].frames), drive[1])
    assert score_parts(videos, features, PropagationSettings(topk=10)) == {'mIoU': 1.0}


def test_features_that_mix_things_up_are_found_out(
    drive: Drive, as_davis: Write, true_features: TrueFeatures
) -> None:
    videos = read_videos(as_davis(*drive), 'davis')
    mixed = np.minimum(drive[1], 2)  # things 2, 3 and 4 look alike
    scores = score_segments(
        videos, true_features(list(videos[0].frames), mixed), PropagationSettings(queue=0)
    )
    assert scores['J'] < 0.8


def test_labels_left_behind_score_what_the_drive_moved(drive: Drive, as_davis: Write) -> None:
    labels = drive[1]
    scores = score_segments(read_videos(as_davis(*drive), 'davis'), None, PropagationSettings())
    for name, measure in (('J', jaccard), ('F', boundary_f)):
        # All frames but the first and the last, each thing by itself.
        by_thing = [
            [measure(labels[0] == thing, now == thing) for now in labels[1:-1]]
            for thing in (1, 2, 3, 4)
        ]
        assert scores[name] == pytest.approx(np.mean(by_thing))
    assert scores['J&F'] == pytest.approx((scores['J'] + scores['F']) / 2)
    assert scores['J'] < 0.99


def slide(step: int, count: int = 5) -> Drive:
    """Slide a 40 px wide box over noise, `step` px per frame."""
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (40, 100, 3), np.uint8) for _ in range(count)]
    labels = np.zeros((count, 40, 100), np.uint8)
    for i, mask in enumerate(labels):
        mask[10:30, 10 + i * step : 50 + i * step] = 1
    return frames, labels


@pytest.mark.parametrize('step', [0, 2, 5])
def test_a_known_shift_costs_what_it_should(as_davis: Write, as_vip: Write, step: int) -> None:
    sliding = slide(step)
    shifts = step * np.arange(5)
    overlap = (40 - shifts) / (40 + shifts)
    scores = score_segments(read_videos(as_davis(*sliding), 'davis'), None, PropagationSettings())
    assert scores['J'] == pytest.approx(overlap[1:-1].mean())
    both, ground = 20 * (40 - shifts).sum(), 5 * (4000 - 800) - 20 * shifts.sum()
    either, all_ground = 20 * (40 + shifts).sum(), 5 * (4000 - 800) + 20 * shifts.sum()
    scores = score_parts(read_videos(as_vip(*sliding), 'vip'), None, PropagationSettings())
    assert scores['mIoU'] == pytest.approx((both / either + ground / all_ground) / 2)


def test_objects_count_alike_over_videos(as_davis: Write) -> None:
    still, moving = slide(0), slide(5)
    as_davis(*still, name='still')
    root = as_davis(*moving, name='moving')
    videos = read_videos(root, 'davis')
    assert [video.name for video in videos] == ['still', 'moving']
    each = [score_segments([video], None, PropagationSettings())['J'] for video in videos]
    both = score_segments(videos, None, PropagationSettings())['J']
    assert each[0] == 1.0 > each[1]
    assert both == pytest.approx(sum(each) / 2)


def walk(step: float, count: int = 6) -> np.ndarray:
    """Move four joints of a 30 x 40 px person to the right, (T, J, 2)."""
    joints = np.array([[10.0, 8], [40, 8], [10, 48], [25, 20]])
    return joints + np.arange(count)[:, None, None] * np.array([step, 0])


def pictures(count: int = 6) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (60, 90, 3), np.uint8) for _ in range(count)]


def test_true_features_carry_joints_perfectly(as_jhmdb: Write, true_features: TrueFeatures) -> None:
    points = walk(3)
    videos = read_videos(as_jhmdb(pictures(), points), 'jhmdb')
    np.testing.assert_allclose(videos[0].points, points)
    codes = np.zeros((6, 60, 90), int)
    for frame, joints in zip(codes, points.astype(int), strict=True):
        for j, (x, y) in enumerate(joints):
            frame[y - 3 : y + 4, x - 3 : x + 4] = 1 + 49 * j + np.arange(49).reshape(7, 7)
    features = true_features(list(videos[0].frames), codes)
    scores = score_keypoints(videos, features, PropagationSettings(topk=1))
    assert scores == {'PCK@0.1': 1.0, 'PCK@0.2': 1.0}


@pytest.mark.parametrize('step', [0.0, 1.4, 2.9])
def test_joints_left_behind_are_right_until_they_are_too_far_off(
    as_jhmdb: Write, step: float
) -> None:
    # The box is 30 x 40, so 0.1 of the unit are 3 px and 0.2 are 6 px.
    scores = score_keypoints(
        read_videos(as_jhmdb(pictures(), walk(step)), 'jhmdb'), None, PropagationSettings()
    )
    errors = step * np.arange(1, 6)
    assert scores == {
        'PCK@0.1': pytest.approx(np.mean(errors <= 3)),
        'PCK@0.2': pytest.approx(np.mean(errors <= 6)),
    }


def test_joints_are_placed_finer_than_patches(as_jhmdb: Write) -> None:
    points = walk(0) + 0.7
    video = read_videos(as_jhmdb(pictures(), points), 'jhmdb')[0]
    features = FrameEncoder(lambda rgb: torch.eye(10 * 15)[None], patch=6, side=60)
    predicted = carry_points(video, features, PropagationSettings(topk=1))
    assert np.abs(predicted - points).max() < 1.0
    assert predicted[0].tolist() == points[0].tolist()


def test_a_video_too_short_to_score_is_refused(as_davis: Write) -> None:
    frames, labels = slide(1, count=2)
    videos = read_videos(as_davis(frames, labels), 'davis')
    with pytest.raises(InputError, match='drive: needs three labelled frames'):
        score_segments(videos, None, PropagationSettings())
