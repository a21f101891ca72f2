# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The reference frames, their motion, and its extrapolation at constant velocity."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from siammcvae_core.motion.flow import dense_flow, to_working, working_grey
from siammcvae_core.motion.images import downsample, gradients, resize_area
from siammcvae_core.motion.rectangle import Rectangle
from siammcvae_core.motion.warp import warp, warp_frame

MAX_AGE_RATIO = 8.0  # beyond it the displacement of this ratio errs less than a larger one
STRIDE = 2  # working pixels between the displacements of the drive model
ROUNDS = 2  # of the fixed-point iteration; half steps of two rounds beat five whole ones

Encode = Callable[[np.ndarray], Any]
"""`encode_reference` of an engine."""


@dataclass(frozen=True, eq=False)
class ReferenceFrame:
    """A frame to restore from, uint8 (H, W, 3) or (H, W), and its stamp in seconds.

    `error` is the expected absolute error of a frame that was itself restored, float32 (H, W) in
    grey levels; None for an intact one. What is computed from a frame is computed once.
    """

    frame: np.ndarray
    stamp: float
    error: np.ndarray | None = None
    _encodings: dict[Encode, Any] = field(default_factory=dict, init=False, repr=False)

    def encoded_by(self, encode: Encode) -> Any:
        """Return the frame as an engine encodes it."""
        if encode not in self._encodings:
            self._encodings[encode] = encode(self.frame)
        return self._encodings[encode]

    @cached_property
    def working(self) -> np.ndarray:
        """The frame at working size, uint8 (h, w, 3) or (h, w); the frame itself if it has it."""
        return to_working(self.frame)

    @cached_property
    def grey(self) -> np.ndarray:
        """The frame in grey at working size, uint8 (h, w)."""
        return working_grey(self.frame)

    @cached_property
    def detail(self) -> np.ndarray:
        """Grey at working size, its gradients along x and y, 3 x 3 means; float32 (h, w, 4)."""
        grey = self.grey.astype(np.float32)
        return cv2.merge([grey, *gradients(self.grey), cv2.blur(grey, (3, 3))])

    @cached_property
    def pyramid(self) -> dict[int, np.ndarray]:
        """Grey at working size reduced by 2, 4 and 8, float32 (h, w)."""
        levels, image = {}, self.grey
        for scale in (2, 4, 8):
            levels[scale] = image = downsample(image).astype(np.float32)
        return levels


class Motion:
    """Motion between two reference frames: dense flow at working size, estimated at first use."""

    def __init__(self, newer: ReferenceFrame, older: ReferenceFrame) -> None:
        self._newer, self._older = newer, older

    @cached_property
    def flow(self) -> np.ndarray:
        """Flow f, float32 (h, w, 2) as (x, y) in working pixels: newer(x) = older(x + f(x))."""
        return dense_flow(self._newer.grey, self._older.grey)

    @cached_property
    def coarse_flow(self) -> np.ndarray:
        """Means of the flow over STRIDE rows and columns, float32 (h / STRIDE, w / STRIDE, 2)."""
        height, width = self.flow.shape[:2]
        return resize_area(self.flow, (width // STRIDE, height // STRIDE))

    def prepare(self) -> None:
        """Compute now what restorations from the two frames will need."""
        _ = self.coarse_flow, self._newer.detail, self._newer.pyramid, self._newer.working

    def age_ratio(self, stamp: float) -> float:
        """Time from the newer frame to `stamp` in units of the time between the two frames."""
        return (stamp - self._newer.stamp) / (self._newer.stamp - self._older.stamp)

    def displacement(self, stamp: float, window: Rectangle | None = None) -> np.ndarray:
        """Displacement d into the newer frame, float32 (h, w, 2) as (x, y) in working pixels.

        What is at x at `stamp` was at x + d(x) in the newer frame. At constant velocity, with
        the age ratio a,

            d(x) = a f(x + d(x))

        solved by a fixed-point iteration from d = a f; half steps keep the edges of moving things
        from flickering. With a `window` of the coarse flow: for its pixels alone, one for every
        STRIDE rows and columns.
        """
        flow, stride = (self.flow, 1) if window is None else (self.coarse_flow, STRIDE)
        window = window or Rectangle.whole(flow.shape)
        step = flow * np.float32(min(self.age_ratio(stamp), MAX_AGE_RATIO) / stride)
        displacement = window.cut(step)
        for _ in range(ROUNDS):
            following = warp(step, displacement, window.pixels())
            displacement = cv2.addWeighted(displacement, 0.5, following, 0.5, 0)
        return displacement * np.float32(stride)

    def warp(self, stamp: float, mask: np.ndarray) -> np.ndarray:
        """Warp the newer frame to `stamp`; only the box around the lost pixels is computed.

        `mask` is bool (H, W), True where lost; returns a new frame that is undefined elsewhere.
        """
        return warp_frame(self._newer.frame, self.displacement(stamp), mask)

    def residual(self) -> np.ndarray:
        """Absolute difference of the newer frame and the warped older one, uint8 (h, w)."""
        return cv2.absdiff(self._newer.grey, warp(self._older.grey, self.flow))


@dataclass(frozen=True, eq=False)
class References:
    """The reference frames of one shape, newest first, and their motion, computed once."""

    frames: tuple[ReferenceFrame, ...] = ()

    @cached_property
    def motion(self) -> Motion | None:
        """Motion of the two newest frames; None without two frames of different stamps."""
        if len(self.frames) < 2 or self.frames[0].stamp <= self.frames[1].stamp:
            return None
        return Motion(self.frames[0], self.frames[1])
