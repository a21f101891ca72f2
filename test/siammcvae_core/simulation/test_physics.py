# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Clips of known physics: what is told of them is what their frames show."""

import numpy as np

from siammcvae_core.simulation.physics import centroid, CROSSING, draw_clips, NEAR


def test_positions_velocities_and_accelerations_belong_together() -> None:
    clips = draw_clips(20, 15, np.random.default_rng(0))
    t = (np.arange(15) - CROSSING)[None, :, None]
    crossing = clips.position[:, CROSSING, None]
    speed, pull = clips.velocity[:, CROSSING, None], clips.acceleration[:, None]
    np.testing.assert_allclose(clips.position, crossing + speed * t + pull * t**2 / 2)
    np.testing.assert_allclose(np.diff(clips.velocity, axis=1), pull.repeat(14, 1), atol=1e-12)
    np.testing.assert_allclose(np.diff(clips.times, axis=1), 0.1)


def test_all_cross_the_same_place_at_different_speeds() -> None:
    clips = draw_clips(200, 15, np.random.default_rng(1))
    assert np.abs(clips.position[:, CROSSING] - 8).max() <= NEAR
    assert np.linalg.norm(clips.velocity[:, CROSSING], axis=-1).std() > 0.1
    assert ((clips.position > 0) & (clips.position < 16)).all()


def test_the_centroid_of_a_frame_is_where_the_disc_is() -> None:
    clips = draw_clips(50, 15, np.random.default_rng(2))
    far = (clips.position > 4) & (clips.position < 12)  # the whole disc is in the picture
    distance = np.linalg.norm(centroid(clips.frames) - clips.position, axis=-1)[far.all(-1)]
    assert len(distance) > 300
    assert distance.max() < 0.25
    assert centroid(np.full((16, 16, 3), 80, np.uint8)).tolist() == [8, 8]


def test_the_light_is_a_factor_on_the_picture() -> None:
    clips = draw_clips(8, 15, np.random.default_rng(3))
    corner = clips.frames[:, :, 0, 0, 0].astype(float)  # ground of one brightness
    np.testing.assert_allclose(corner / clips.light, 70, atol=1.0)
    assert clips.light.std(1).min() > 0.1


def test_equal_seeds_draw_equal_clips() -> None:
    one, two, other = (draw_clips(4, 6, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one.frames, other.frames)
