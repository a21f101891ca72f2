# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames between two intact ones, for recordings: both sides of a burst of damage are known.

With the intact frames A before and B after the burst, the flow f_ab from A to B and f_ba back, and
the share tau of the time from A to B, a point moves on its way at the velocities

    v_a(x) = f_ab(x + d),    d = -tau v_a(x),        v_b(x) = -f_ba(x + d),    d = (1 - tau) v_b(x)

seen from either side (solved by a fixed-point iteration); with v = (1 - tau) v_a + tau v_b

    I(x) = (1 - tau) A(x - tau v(x)) + tau B(x + (1 - tau) v(x))

Its expected error grows with what the two sides differ by. Beside it stand the restorations from
the frames before alone and, with time reversed, from those after alone. All of them are merged,
each weighted by the inverse of its expected error e_k:

    x = (sum_k x_k / e_k) / (sum_k 1 / e_k),    e = n / (sum_k 1 / e_k)
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np

from siammcvae_core.engines import Restoration
from siammcvae_core.motion.flow import dense_flow
from siammcvae_core.motion.images import resize_area
from siammcvae_core.motion.references import ReferenceFrame, References
from siammcvae_core.motion.warp import warp

FINEST = 0  # scale of the flow's last estimate: a recording has the time
ROUNDS = 4  # of the fixed-point iteration
BLUR = 3.0  # standard deviation in working pixels
NOISE, SHARE = (
    1.0,
    0.5,
)  # of the expected error: NOISE + SHARE blur(|A - B| where they are warped to)
LEAST = 0.3  # grey levels: expected errors below are no better known


class IntactPair(NamedTuple):
    """The intact frames before and after a burst, of one shape, and the flows between them.

    The stamp of `after` is negative, see `of`. Flows are float32 (h, w, 2) in working pixels.
    """

    before: ReferenceFrame
    after: ReferenceFrame
    forth: np.ndarray
    back: np.ndarray

    @classmethod
    def of(cls, before: References, after: References) -> 'IntactPair':
        """Estimate the flows between the newest frames of either side, from what they move by.

        Time runs backwards for those after: their stamps are negative, the next frame is newest.
        """
        first, last = before.frames[0], after.frames[0]
        start_back = before.motion.displacement(-last.stamp) if before.motion else None
        start_forth = after.motion.displacement(-first.stamp) if after.motion else None
        forth = dense_flow(first.grey, last.grey, FINEST, start_forth)
        back = dense_flow(last.grey, first.grey, FINEST, start_back)
        return cls(first, last, forth, back)

    def interpolate(self, stamp: float) -> Restoration:
        """Restore a whole frame of `stamp`, in seconds, between those of the two."""
        length = -self.after.stamp - self.before.stamp
        tau = np.float32((stamp - self.before.stamp) / length)
        velocity = (1 - tau) * self._velocity(self.forth, tau)
        velocity -= tau * self._velocity(self.back, 1 - tau)
        sides = [
            warp(side.frame, _native(velocity * share, side.frame), None, cv2.INTER_CUBIC)
            for side, share in ((self.before, -tau), (self.after, 1 - tau))
        ]
        frame = cv2.addWeighted(sides[0], float(1 - tau), sides[1], float(tau), 0)
        return Restoration(frame, partial(_expected_error, sides, velocity.shape))

    @staticmethod
    def _velocity(flow: np.ndarray, share: np.float32) -> np.ndarray:
        """Find the flow of what is at x after `share` of the way: u(x) = f(x - share u(x))."""
        velocity = flow
        for _ in range(ROUNDS):
            following = warp(flow, -share * velocity)
            velocity = cv2.addWeighted(velocity, 0.5, following, 0.5, 0)
        return velocity


def merge_all(restorations: Sequence[Restoration]) -> Restoration:
    """Average restorations of a frame that have expected errors; see the module."""
    weights = [1 / np.maximum(r.expected_error(), LEAST) for r in restorations if r.expected_error]
    total = np.sum(weights, 0)
    merged = np.zeros(restorations[0].frame.shape, np.float32)
    for restoration, weight in zip(restorations, weights, strict=True):
        share = weight / total
        merged += restoration.frame * (share if merged.ndim == 2 else share[..., None])
    return Restoration(cv2.convertScaleAbs(merged), lambda: len(weights) / total)


def _expected_error(sides: Sequence[np.ndarray], size: tuple[int, ...]) -> np.ndarray:
    difference = cv2.absdiff(*sides)
    grey = difference if difference.ndim == 2 else difference.mean(2)
    reduced = resize_area(grey.astype(np.float32), (size[1], size[0]))
    error = NOISE + SHARE * cv2.GaussianBlur(reduced, (0, 0), BLUR)
    return cv2.resize(error, grey.shape[::-1])


def _native(displacement: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Bring a displacement in working pixels to those of a frame."""
    height, width = frame.shape[:2]
    scale = width / displacement.shape[1], height / displacement.shape[0]
    return cv2.resize(displacement, (width, height)) * np.array(scale, np.float32)
