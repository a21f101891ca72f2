# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The evidence picture: its shape, what it may not see, and how it mirrors."""

import cv2
from hypothesis import given, settings, strategies
import numpy as np
import pytest

from siammcvae_core.alignment.features import (
    CHANNELS,
    extract_features,
    lost_patches,
    MIRRORED,
    patch_sources,
    visible,
)
from siammcvae_core.motion.references import KeptFrame, References

POSES = ((0, 0, 1.0), (4, 0, 1.0), (11, 2, 1.02))


def test_shapes_and_names(film, kept, scattered):
    older, newer, now = film(*POSES)
    known = extract_features(kept(older, newer), now, scattered, 0.2)
    assert known.channels.shape == (len(CHANNELS), 40, 60)
    assert known.channels.dtype == np.float32
    assert (known.aligned.shape, known.aligned.dtype) == ((80, 120, 2), np.float32)
    assert (known.damaged.shape, known.damaged.dtype) == ((160, 240, 3), np.uint8)
    assert (known.lost.shape, known.lost.dtype) == ((10, 15), bool)
    assert (known.source.shape, known.source.dtype) == ((150,), np.int64)
    assert len(set(CHANNELS)) == len(CHANNELS) == len(MIRRORED)


def test_lost_patches_are_all_that_a_lost_pixel_reaches():
    mask = np.zeros((64, 96), bool)
    mask[17, 33] = True
    assert np.argwhere(lost_patches(visible(mask, (96, 64)))).tolist() == [[1, 2]]
    assert lost_patches(visible(np.ones((50, 70), bool), (96, 64))).all()


def test_patch_sources_follow_the_offset_and_stay_inside():
    offset = np.zeros((32, 48, 2), np.float32)
    offset[..., 0], offset[16:, :, 1] = 16.0, -32.0
    due = [[1, 2, 3, 4, 5, 5], [7, 8, 9, 10, 11, 11]]
    assert patch_sources(offset).reshape(4, 6).tolist() == due + due


@pytest.mark.parametrize('grey', [False, True])
def test_lost_pixels_have_no_influence(film, kept, scattered, grey):
    frames = film(*POSES)
    if grey:
        frames = [np.ascontiguousarray(frame[..., 1]) for frame in frames]
    older, newer, now = frames
    noise = np.random.default_rng(0).integers(0, 256, now.shape, np.uint8)
    changed = cv2.copyTo(noise, scattered.view(np.uint8), now.copy())
    references = kept(older, newer)
    one, other = (extract_features(references, frame, scattered, 0.2) for frame in (now, changed))
    np.testing.assert_array_equal(one.channels, other.channels)
    np.testing.assert_array_equal(one.aligned, other.aligned)


def test_the_same_frames_tell_the_same_to_the_last_bit(film, kept, scattered):
    older, newer, now = film(*POSES)
    known = extract_features(kept(older, newer), now, scattered, 0.2)
    rng, elsewhere = np.random.default_rng(0), []
    for _ in range(30):  # arrays then lie elsewhere in memory, which is where rounding may differ
        elsewhere.append(np.empty(int(rng.integers(1, 5000)), np.uint8))
        again = extract_features(kept(older, newer), now, scattered, 0.2)
        np.testing.assert_array_equal(again.channels, known.channels)
        np.testing.assert_array_equal(again.aligned, known.aligned)


def test_a_mirrored_scene_gives_mirrored_evidence(film, kept, scattered):
    frames = film(*POSES)
    mirrored = [np.ascontiguousarray(frame[:, ::-1]) for frame in frames]
    plain = extract_features(kept(*frames[:2]), frames[2], scattered, 0.2).channels
    mask = np.ascontiguousarray(scattered[:, ::-1])
    turned = extract_features(kept(*mirrored[:2]), mirrored[2], mask, 0.2).channels[:, :, ::-1]
    signs = np.where(MIRRORED, -1, 1)[:, None, None]
    inner = np.s_[:, 8:-8, 8:-8]
    alike = np.abs(turned * signs - plain)[inner].mean((1, 2))
    scale = np.abs(plain[inner]).mean((1, 2)) + 0.1
    assert dict(zip(CHANNELS, alike / scale, strict=True)) == pytest.approx(
        dict.fromkeys(CHANNELS, 0), abs=0.25
    )


def test_needs_two_frames_of_different_stamps(film, scattered):
    frame, now = film(*POSES[:2])
    same = KeptFrame(frame, 0.1)
    for references in (References((same,)), References((same, same))):
        with pytest.raises(ValueError, match='two kept frames'):
            extract_features(references, now, scattered, 0.2)


@settings(max_examples=25, deadline=None)
@given(
    strategies.integers(1, 90), strategies.integers(1, 90), strategies.booleans(),
    strategies.floats(0, 1), strategies.integers(0, 2**32 - 1),
)  # fmt: skip
def test_any_frames_give_finite_evidence(height, width, grey, share, seed):
    rng = np.random.default_rng(seed)
    shape = (height, width) if grey else (height, width, 3)
    older, newer, now = rng.integers(0, 256, (3, *shape), np.uint8)
    mask = rng.random((height, width)) < share
    references = References((KeptFrame(newer, 1.0), KeptFrame(older, 0.9)))
    known = extract_features(references, now, mask, 1.0 + 10 * share)
    assert np.isfinite(known.channels).all()
    assert np.isfinite(known.aligned).all()
