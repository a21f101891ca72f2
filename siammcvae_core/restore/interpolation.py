# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames between two intact ones, for recordings: both sides of a burst of damage are known.

With the intact frames A before and B after the burst, the flow f_ab from A to B and f_ba back, and
the share tau of the time from A to B, a point moves on its way at the velocities

    v_a(x) = f_ab(x + d),    d = -tau v_a(x),        v_b(x) = -f_ba(x + d),    d = (1 - tau) v_b(x)

seen from either side (solved by a fixed-point iteration). Along a velocity v the frame between is

    I(x; v) = (1 - tau) A(x - tau v(x)) + tau B(x + (1 - tau) v(x))

Where nothing of it is visible, I is the mean of I(x; v_a) and I(x; v_b). Else both displacements of
v = (1 - tau) v_a + tau v_b are first aligned to what is visible (`alignment.align`).

Its expected error grows with what the two sides differ by. Beside it stand the restorations from
the frames before alone and, with time reversed, from those after alone. All of them are merged,
each weighted by its expected error e_k, as `recurrence.merge` does with two:

    x = (sum_k g_k x_k / e_k) / (sum_k g_k / e_k),    e = MERGED n / (sum_k 1 / e_k)

with g_k = 1, but BETWEEN for I where nothing is visible: there the others extrapolate. The
constants were fitted on training clips.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np

from siammcvae_core.alignment.align import align
from siammcvae_core.alignment.features import visible
from siammcvae_core.engines import Restoration
from siammcvae_core.motion.flow import dense_flow, working_grey, working_size
from siammcvae_core.motion.images import resize_area
from siammcvae_core.motion.rectangle import Rectangle
from siammcvae_core.motion.references import ReferenceFrame, References, STRIDE
from siammcvae_core.motion.warp import warp, warp_frame

FINEST = 0  # scale of the flow's last estimate: a recording has the time
ROUNDS = 4  # of the fixed-point iteration
BLUR = 3.0  # standard deviation in working pixels
NOISE, SHARE = 1.0, 0.5  # of the expected error, see `_expected_error`
BETWEEN = 2.0  # see the module
MERGED = 0.83  # factor on the expected error of an average
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

    def reaches(self, frame: np.ndarray, stamp: float, oldest: float) -> bool:
        """Whether a frame of `stamp` lies between, no more than `oldest` seconds from either."""
        since, until = stamp - self.before.stamp, -self.after.stamp - stamp
        return (
            frame.shape == self.before.frame.shape
            and 0 < min(since, until) <= max(since, until) <= oldest
        )

    def interpolate(self, frame: np.ndarray, lost: np.ndarray, stamp: float) -> Restoration:
        """Restore the pixels `lost`, bool (H, W), of a frame of `stamp`, in seconds, between them.

        The frame that is returned is undefined elsewhere.
        """
        length = -self.after.stamp - self.before.stamp
        tau = np.float32((stamp - self.before.stamp) / length)
        velocities = [self._velocity(self.forth, tau), -self._velocity(self.back, 1 - tau)]
        sides = (self.before, -tau), (self.after, 1 - tau)
        if lost.all():
            warped = [
                _mean(
                    *(warp_frame(side.frame, v * share, lost, cv2.INTER_CUBIC) for v in velocities)
                )
                for side, share in sides
            ]
        else:
            velocity = (1 - tau) * velocities[0] + tau * velocities[1]
            warped = [_aligned(side, velocity * share, frame, lost) for side, share in sides]
        between = cv2.addWeighted(warped[0], float(1 - tau), warped[1], float(tau), 0)
        return Restoration(between, partial(_expected_error, warped, lost))

    @staticmethod
    def _velocity(flow: np.ndarray, share: np.float32) -> np.ndarray:
        """Find the flow of what is at x after `share` of the way: u(x) = f(x - share u(x))."""
        velocity = flow
        for _ in range(ROUNDS):
            following = warp(flow, -share * velocity)
            velocity = cv2.addWeighted(velocity, 0.5, following, 0.5, 0)
        return velocity


def merge_all(restorations: Sequence[Restoration], factors: Sequence[float]) -> Restoration:
    """Average restorations of a frame that have expected errors; `factors` are g of the module."""
    inverse = [1 / np.maximum(r.expected_error(), LEAST) for r in restorations if r.expected_error]
    weights = [factor * one for factor, one in zip(factors, inverse, strict=True)]
    total = np.sum(weights, 0)
    merged = np.zeros(restorations[0].frame.shape, np.float32)
    for restoration, weight in zip(restorations, weights, strict=True):
        share = weight / total
        merged += restoration.frame * (share if merged.ndim == 2 else share[..., None])
    error = np.float32(MERGED * len(inverse)) / np.sum(inverse, 0)
    return Restoration(cv2.convertScaleAbs(merged), lambda: error)


def _aligned(
    side: ReferenceFrame, start: np.ndarray, frame: np.ndarray, lost: np.ndarray
) -> np.ndarray:
    """Warp one side to what is visible of a frame; `start` is a displacement in working pixels."""
    height, width = start.shape[:2]
    whole = Rectangle.whole((height, width))
    coarse = resize_area(start, (width // STRIDE, height // STRIDE))
    seen = visible(lost, (width, height))
    displacement = align(working_grey(frame), seen, side, coarse, whole, whole)
    return warp_frame(side.frame, displacement / np.float32(STRIDE), lost, cv2.INTER_CUBIC)


def _mean(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return cv2.addWeighted(one, 0.5, other, 0.5, 0)


def _expected_error(sides: Sequence[np.ndarray], lost: np.ndarray) -> np.ndarray:
    """Compute NOISE + SHARE (G * (l d)) / (G * l), float32 (H, W) in grey levels.

    d is the mean absolute difference of the two sides, l 1 where `lost`, else 0, and G a Gaussian
    of BLUR working pixels.
    """
    difference = cv2.absdiff(*sides)
    grey = difference if difference.ndim == 2 else difference.mean(2)
    size = working_size(lost.shape)
    share = lost.astype(np.float32)
    planes = [
        cv2.GaussianBlur(resize_area(plane, size), (0, 0), BLUR)
        for plane in (np.float32(np.where(lost, grey, 0)), share)
    ]
    error = NOISE + SHARE * planes[0] / np.maximum(planes[1], 1e-3)
    return cv2.resize(error, grey.shape[::-1])
