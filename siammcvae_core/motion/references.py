# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The reference frames, their motion, and its extrapolation along the path of every point."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import cv2
import numpy as np

from siammcvae_core.motion.flow import dense_flow, to_working, working_grey
from siammcvae_core.motion.images import downsample, gradients, resize_area
from siammcvae_core.motion.rectangle import Rectangle
from siammcvae_core.motion.warp import warp, warp_frame

REFERENCES = 4  # that are kept: a flow between each and the next
MAX_STEP_RATIO = 2.0  # length in time of an older step in units of the newest, at most
MAX_AGE_RATIO = 8.0  # beyond it the displacement of this ratio errs less than a larger one
STRIDE = 2  # working pixels between the displacements of the drive model
STEPS = ((1.5, 1), (6.0, 2))  # age ratios up to which the mean of so few steps is continued
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
    _flows: WeakKeyDictionary['ReferenceFrame', np.ndarray] = field(
        default_factory=WeakKeyDictionary, init=False, repr=False
    )

    def encoded_by(self, encode: Encode) -> Any:
        """Return the frame as an engine encodes it."""
        if encode not in self._encodings:
            self._encodings[encode] = encode(self.frame)
        return self._encodings[encode]

    def flow_to(self, older: 'ReferenceFrame') -> np.ndarray:
        """Flow f, float32 (h, w, 2) as (x, y) in working pixels: this(x) = older(x + f(x))."""
        if older not in self._flows:
            self._flows[older] = dense_flow(self.grey, older.grey)
        return self._flows[older]

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
    """Motion of reference frames, newest first, each older than the one before.

    Dense flow at working size, estimated at first use. With the flow f_k from frame k to the older
    frame k + 1, a point x of the newest frame was in frame n at x + F_n(x), along its own path:

        F_1 = f_0,    F_n(x) = F_{n-1}(x) + f_{n-1}(x + F_{n-1}(x))

    With the stamps t_k it moves on with the mean of its last n steps, -F_n / (t_0 - t_n).
    """

    def __init__(self, *frames: ReferenceFrame) -> None:
        self._frames = frames
        self._paths: dict[int, np.ndarray] = {}
        self._coarse_paths: dict[int, np.ndarray] = {}
        self._steps = self._usable_steps()

    def _usable_steps(self) -> int:
        """Count the steps that are not much longer than the newest, as after lost frames."""
        stamps = [frame.stamp for frame in self._frames]
        lengths = -np.diff(stamps)
        return int((lengths <= MAX_STEP_RATIO * lengths[0]).cumprod().sum())

    @property
    def flow(self) -> np.ndarray:
        """Flow f, float32 (h, w, 2) as (x, y) in working pixels: newer(x) = older(x + f(x))."""
        return self.path(1)

    def path(self, steps: int) -> np.ndarray:
        """Return F_n of the class, float32 (h, w, 2) in working pixels; it is kept."""
        if steps not in self._paths:
            flow = self._frames[steps - 1].flow_to(self._frames[steps])
            if steps > 1:
                before = self.path(steps - 1)
                flow = before + warp(flow, before)
            self._paths[steps] = flow
        return self._paths[steps]

    def prepare(self) -> None:
        """Compute now what restorations from the newest two frames will need."""
        newest = self._frames[0]
        _ = self._coarse(1), newest.detail, newest.pyramid, newest.working

    def prepare_path(self) -> None:
        """Compute now what restorations of later frames will need beside."""
        _ = self._coarse(min(2, self._steps))

    def age_ratio(self, stamp: float) -> float:
        """Time from the newest frame to `stamp` in units of the time between the newest two."""
        newest, older = self._frames[:2]
        return (stamp - newest.stamp) / (newest.stamp - older.stamp)

    def carried(self, stamp: float) -> tuple[int, float]:
        """How many last steps are carried on to `stamp`, and for how long: n and a.

        a = (t - t_0) / (t_0 - t_n) as in `displacement`.
        """
        ratio = self.age_ratio(stamp)
        wanted = next((count for most, count in STEPS if ratio <= most), REFERENCES - 1)
        steps = min(wanted, self._steps)
        newest, older, oldest = (self._frames[k] for k in (0, 1, steps))
        newest_step = newest.stamp - older.stamp
        return steps, min(ratio, MAX_AGE_RATIO) * newest_step / (newest.stamp - oldest.stamp)

    def displacement(self, stamp: float, window: Rectangle | None = None) -> np.ndarray:
        """Displacement d into the newest frame, float32 (h, w, 2) as (x, y) in working pixels.

        What is at x at `stamp` t was at x + d(x) in the newest frame. With the mean of the last
        n steps, as many as STEPS says and as there are,

            d(x) = a F_n(x + d(x)),    a = (t - t_0) / (t_0 - t_n)

        solved by a fixed-point iteration from d = a F_n; half steps keep the edges of moving things
        from flickering. With a `window` of every STRIDE-th row and column: for its pixels alone.
        """
        steps, share = self.carried(stamp)
        path, stride = (self.path(steps), 1) if window is None else (self._coarse(steps), STRIDE)
        window = window or Rectangle.whole(path.shape)
        step = path * np.float32(share / stride)
        displacement = window.cut(step)
        for _ in range(ROUNDS):
            following = warp(step, displacement, window.pixels())
            displacement = cv2.addWeighted(displacement, 0.5, following, 0.5, 0)
        return displacement * np.float32(stride)

    def warp(self, stamp: float, mask: np.ndarray) -> np.ndarray:
        """Warp the newest frame to `stamp`; only the box around the lost pixels is computed.

        `mask` is bool (H, W), True where lost; returns a new frame that is undefined elsewhere.
        """
        return warp_frame(self._frames[0].frame, self.displacement(stamp), mask)

    def residual(self) -> np.ndarray:
        """Absolute difference of the newest frame and the warped older one, uint8 (h, w)."""
        return cv2.absdiff(self._frames[0].grey, warp(self._frames[1].grey, self.flow))

    def _coarse(self, steps: int) -> np.ndarray:
        """Means of a path over STRIDE rows and columns, float32 (h / STRIDE, w / STRIDE, 2)."""
        if steps not in self._coarse_paths:
            path = self.path(steps)
            height, width = path.shape[:2]
            self._coarse_paths[steps] = resize_area(path, (width // STRIDE, height // STRIDE))
        return self._coarse_paths[steps]


@dataclass(frozen=True, eq=False)
class References:
    """The reference frames of one shape, newest first, and their motion, computed once."""

    frames: tuple[ReferenceFrame, ...] = ()

    def newest(self, count: int) -> 'References':
        """Restrict them to the `count` newest."""
        return self if len(self.frames) <= count else References(self.frames[:count])

    def with_newest(self, frame: ReferenceFrame) -> 'References':
        """Add a newest frame, and drop those that are too many."""
        return References((frame, *self.frames[: REFERENCES - 1]))

    @cached_property
    def motion(self) -> Motion | None:
        """Motion of the frames; None without two of different stamps."""
        frames = self.frames[:1]
        for frame in self.frames[1:]:
            if frame.stamp >= frames[-1].stamp:
                break
            frames += (frame,)
        return Motion(*frames) if len(frames) > 1 else None
