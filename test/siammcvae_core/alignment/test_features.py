# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Alignment features: their shape, what they may not depend on, and how they mirror."""

import cv2
from hypothesis import given, settings, strategies
import numpy as np
import pytest

from siammcvae_core.alignment import features as feature_module
from siammcvae_core.alignment.features import (
    CHANNELS,
    extract_features,
    lost_patches,
    patch_sources,
    visible,
)
from siammcvae_core.motion.references import ReferenceFrame, References

WIDE = (240, 480)
POSES = ((0, 0, 1.0), (4, 0, 1.0), (11, 2, 1.02))


def test_shapes_and_names(film, references, scattered):
    older, newer, now = film(*POSES)
    features = extract_features(references(older, newer), now, scattered, 0.2, 4)
    assert features.channels.shape == (len(CHANNELS), 40, 60)
    assert features.channels.dtype == np.float32
    assert (features.aligned.shape, features.aligned.dtype) == ((80, 120, 2), np.float32)
    assert (features.damaged.shape, features.damaged.dtype) == ((160, 240, 3), np.uint8)
    assert (features.lost.shape, features.lost.dtype) == ((10, 15), bool)
    assert (features.source.shape, features.source.dtype) == ((150,), np.int64)
    assert len(set(CHANNELS)) == len(CHANNELS)


def test_lost_patches_are_all_that_a_lost_pixel_reaches():
    mask = np.zeros((64, 96), bool)
    mask[17, 33] = True
    assert np.argwhere(lost_patches(visible(mask, (96, 64)))).tolist() == [[1, 2]]
    assert lost_patches(visible(np.ones((50, 70), bool), (96, 64))).all()


def test_patch_sources_follow_the_offset_and_stay_inside():
    offset = np.zeros((32, 48, 2), np.float32)
    offset[..., 0], offset[16:, :, 1] = 16.0, -32.0
    expected = [[1, 2, 3, 4, 5, 5], [7, 8, 9, 10, 11, 11]]
    assert patch_sources(offset).reshape(4, 6).tolist() == expected + expected


@pytest.mark.parametrize('grey', [False, True])
def test_lost_pixels_have_no_influence(film, references, scattered, grey):
    frames = film(*POSES)
    if grey:
        frames = [np.ascontiguousarray(frame[..., 1]) for frame in frames]
    older, newer, now = frames
    noise = np.random.default_rng(0).integers(0, 256, now.shape, np.uint8)
    changed = cv2.copyTo(noise, scattered.view(np.uint8), now.copy())
    pair = references(older, newer)
    one, other = (extract_features(pair, frame, scattered, 0.2, 4) for frame in (now, changed))
    np.testing.assert_array_equal(one.channels, other.channels)
    np.testing.assert_array_equal(one.aligned, other.aligned)


def test_the_same_frames_give_the_same_features_to_the_last_bit(film, references, scattered):
    older, newer, now = film(*POSES)
    features = extract_features(references(older, newer), now, scattered, 0.2, 4)
    rng, blocks = np.random.default_rng(0), []
    for _ in range(30):  # moves arrays in memory, on which rounding may depend
        blocks.append(np.empty(int(rng.integers(1, 5000)), np.uint8))
        again = extract_features(references(older, newer), now, scattered, 0.2, 4)
        np.testing.assert_array_equal(again.channels, features.channels)
        np.testing.assert_array_equal(again.aligned, features.aligned)


def test_a_mirrored_scene_gives_mirrored_features(film, references, scattered):
    frames = film(*POSES)
    mirrored = [np.ascontiguousarray(frame[:, ::-1]) for frame in frames]
    plain = extract_features(references(*frames[:2]), frames[2], scattered, 0.2, 4).channels
    mask = np.ascontiguousarray(scattered[:, ::-1])
    turned = extract_features(references(*mirrored[:2]), mirrored[2], mask, 0.2, 4).channels[
        :, :, ::-1
    ]
    mirrored = [name == 'column' or name.endswith('_x') or '_x_' in name for name in CHANNELS]
    signs = np.where(mirrored, -1, 1)[:, None, None]
    inner = np.s_[:, 8:-8, 8:-8]
    alike = np.abs(turned * signs - plain)[inner].mean((1, 2))
    scale = np.abs(plain[inner]).mean((1, 2)) + 0.1
    assert dict(zip(CHANNELS, alike / scale, strict=True)) == pytest.approx(
        dict.fromkeys(CHANNELS, 0), abs=0.25
    )


def test_needs_two_frames_of_different_stamps(film, scattered):
    frame, now = film(*POSES[:2])
    same = ReferenceFrame(frame, 0.1)
    for references in (References((same,)), References((same, same))):
        with pytest.raises(ValueError, match='two references'):
            extract_features(references, now, scattered, 0.2, 4)


@pytest.mark.parametrize('hole', [(slice(96, 144), slice(208, 272)), (slice(0, 40), slice(0, 60))])
def test_features_near_a_hole_are_those_of_the_whole_frame(hole, monkeypatch):
    noise = np.random.default_rng(0).standard_normal((WIDE[0], WIDE[1] + 12, 3))
    texture = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 3)
    texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    frames = [np.ascontiguousarray(texture[:, k : k + WIDE[1]]) for k in (0, 4, 9)]
    references = References((ReferenceFrame(frames[1], 0.1), ReferenceFrame(frames[0], 0.0)))
    mask = np.zeros(WIDE, bool)
    mask[hole] = True
    part = extract_features(references, frames[2], mask, 0.2, 4)
    monkeypatch.setattr(feature_module, 'MARGIN', 1000)
    monkeypatch.setattr(feature_module, 'CONTEXT_MARGIN', 1000)
    whole = extract_features(references, frames[2], mask, 0.2, 4)
    assert not part.channels[:, -1, -1].any()
    assert whole.channels[:, -1, -1].any()
    rows, columns = (slice(max(0, side.start - 16) // 4, (side.stop + 16) // 4) for side in hole)
    near = np.abs(part.channels - whole.channels)[:, rows, columns]
    assert near.max() < 0.3
    assert near.mean() < 0.006
    assert np.abs(part.aligned - whole.aligned)[mask[::2, ::2]].max() < 0.05


@settings(max_examples=25, deadline=None)
@given(
    strategies.integers(1, 90), strategies.integers(1, 90), strategies.booleans(),
    strategies.floats(0, 1), strategies.integers(0, 2**32 - 1),
)  # fmt: skip
def test_any_frames_give_finite_features(height, width, grey, share, seed):
    rng = np.random.default_rng(seed)
    shape = (height, width) if grey else (height, width, 3)
    older, newer, now = rng.integers(0, 256, (3, *shape), np.uint8)
    mask = rng.random((height, width)) < share
    references = References((ReferenceFrame(newer, 1.0), ReferenceFrame(older, 0.9)))
    features = extract_features(references, now, mask, 1.0 + 10 * share, 4)
    assert np.isfinite(features.channels).all()
    assert np.isfinite(features.aligned).all()
