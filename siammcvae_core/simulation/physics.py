# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Clips of a disc whose position, velocity, acceleration and light are known.

A disc on a shaded ground moves with a constant acceleration of its own,

    p(t) = p_c + v_c t + a t²/2

with t from the moment at which all discs cross the same place, the middle of the picture, each at
another speed and in another direction: position alone does not tell where it goes on. The light on
the whole picture swings, g(t) = 1 + 0.25 sin(ω t + φ), one ω for all.
"""

from typing import NamedTuple

import numpy as np

RATE = 10.0  # Hz
CROSSING = 4  # number of the frame at which the disc is in the middle
RADIUS = 3.0  # px
MARGIN = 2.0  # px from the border that the middle of the disc keeps
NEAR = 1.5  # px around the middle in which it crosses
FASTEST, STEEPEST = 0.8, 0.1  # px per frame, px per frame²
SWING, PERIOD = 0.25, 16.0  # of the light; frames
DISC = np.array([60, 80, 220], np.float32)  # BGR
GROUND = 70.0, 110.0  # grey levels from top to bottom


class PhysicsClips(NamedTuple):
    """B clips of T frames.

    `frames` uint8 (B, T, S, S, 3) BGR; `times` (B, T) in seconds; `position` (B, T, 2) and
    `velocity` (B, T, 2), `acceleration` (B, 2) of the disc as (x, y) in px and frames; `light`
    (B, T).
    """

    frames: np.ndarray
    times: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    acceleration: np.ndarray
    light: np.ndarray


def draw_clips(count: int, frames: int, rng: np.random.Generator, size: int = 16) -> PhysicsClips:
    """Draw clips of `size` px a side, the disc in sight throughout; the same from equal seeds."""
    t = np.arange(frames) - float(CROSSING)
    place, speed, pull = (np.empty((0, 2)) for _ in range(3))
    while len(place) < count:
        place_, speed_, pull_ = (
            rng.uniform(-limit, limit, (4 * count, 2)) for limit in (NEAR, FASTEST, STEEPEST)
        )
        path = _path(place_ + size / 2, speed_, pull_, t)
        inside = ((path > MARGIN) & (path < size - MARGIN)).all((1, 2))
        place, speed, pull = (
            np.concatenate([old, new[inside]])[:count]
            for old, new in ((place, place_), (speed, speed_), (pull, pull_))
        )
    position = _path(place + size / 2, speed, pull, t)
    phase = rng.uniform(0, 2 * np.pi, (count, 1))
    light = 1 + SWING * np.sin(2 * np.pi / PERIOD * t + phase)
    times = np.broadcast_to(np.arange(frames) / RATE, (count, frames)).copy()
    velocity = speed[:, None] + pull[:, None] * t[:, None]
    return PhysicsClips(_draw(position, light, size), times, position, velocity, pull, light)


def centroid(frames: np.ndarray) -> np.ndarray:
    """Find the disc in frames (..., S, S, 3), grey levels BGR: (..., 2) as (x, y) in px.

    The mean place of what is redder than grey, by a quarter of the reddest at least; the middle
    of a frame without anything red. Blur does not move it.
    """
    values = np.asarray(frames, np.float32)
    red = values[..., 2] - values[..., :2].mean(-1)  # (..., S, S)
    most = red.max((-2, -1), keepdims=True)
    weight = np.where(red > np.maximum(0.25 * most, 4.0), red, 0)
    middle = np.arange(red.shape[-1]) + 0.5
    total = weight.sum((-2, -1))
    found = total > 0
    x = (weight.sum(-2) * middle).sum(-1)
    y = (weight.sum(-1) * middle).sum(-1)
    sums = np.stack([x, y], -1) / np.maximum(total, 1e-6)[..., None]
    return np.where(found[..., None], sums, red.shape[-1] / 2)


def _path(place: np.ndarray, speed: np.ndarray, pull: np.ndarray, t: np.ndarray) -> np.ndarray:
    moved = speed[:, None] * t[:, None] + pull[:, None] * t[:, None] ** 2 / 2
    return place[:, None] + moved  # (B, T, 2)


def _draw(position: np.ndarray, light: np.ndarray, size: int) -> np.ndarray:
    """Draw the disc with a soft edge of one pixel on the ground, all lit by `light`."""
    middle = np.arange(size, dtype=np.float32) + 0.5
    position, light = np.float32(position), np.float32(light)
    x = middle[None, None, None, :] - position[..., 0, None, None]
    y = middle[None, None, :, None] - position[..., 1, None, None]
    share = np.clip(RADIUS + 0.5 - np.sqrt(x * x + y * y), 0, 1)[..., None]  # (B, T, S, S, 1)
    ground = np.linspace(*GROUND, size, dtype=np.float32)[:, None, None]
    lit = (share * DISC + (1 - share) * ground) * light[..., None, None, None]
    return np.rint(lit).clip(0, 255).astype(np.uint8)
