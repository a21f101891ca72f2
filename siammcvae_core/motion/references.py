# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Motion of the kept frames, carried on at constant velocity to the moment of a damaged frame."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import cv2
import numpy as np

WORKING_SIDE = 640  # pixels of the longer side at which flow is estimated, at most
PATCH = 16  # working sizes are whole patches, 2 of them at least: DIS reads out of bounds in less
MAX_AGE_RATIO = 8.0  # beyond, holding the motion errs less than carrying it on
FINEST = 2  # working pixels between those that offsets of the drive model are told for
ROUNDS = 2  # of the fixed point; half steps of two rounds beat five whole ones

Encode = Callable[[np.ndarray], Any]
"""`encode_reference` of an engine."""


@dataclass(frozen=True, eq=False)
class KeptFrame:
    """A frame to restore from, uint8 (H, W, 3) or (H, W), its stamp in seconds.

    `error` is the expected absolute error of a frame that was itself restored, float32 (H, W) in
    grey levels; None for an intact one. What is worked out from a frame is worked out once.
    """

    frame: np.ndarray
    stamp: float
    error: np.ndarray | None = None
    _encodings: dict[Encode, Any] = field(default_factory=dict, init=False, repr=False)

    def encoded_by(self, encode: Encode) -> Any:
        """Give the frame as an engine encodes it."""
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
        """Grey at working size, its slopes along x and y, and smoothed; float32 (h, w, 4)."""
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
    """Motion between two kept frames: dense flow at working size, estimated at first use."""

    def __init__(self, newer: KeptFrame, older: KeptFrame) -> None:
        self._newer, self._older = newer, older

    @cached_property
    def flow(self) -> np.ndarray:
        """Flow, float32 (h, w, 2) as (x, y) in working pixels.

        What the newer frame shows at x, the older one showed at x + flow(x).
        """
        return dense_flow(self._newer.grey, self._older.grey)

    @cached_property
    def coarse_flow(self) -> np.ndarray:
        """Means of the flow over FINEST rows and columns, float32 (h / FINEST, w / FINEST, 2)."""
        height, width = self.flow.shape[:2]
        size = width // FINEST, height // FINEST
        return cv2.resize(self.flow, size, interpolation=cv2.INTER_AREA)

    def prepare(self) -> None:
        """Work out now what restorations from the two frames will ask for."""
        _ = self.coarse_flow, self._newer.detail, self._newer.pyramid, self._newer.working

    def age_ratio(self, stamp: float) -> float:
        """Time from the newer frame to `stamp` in units of the time between the kept frames."""
        return (stamp - self._newer.stamp) / (self._newer.stamp - self._older.stamp)

    def displacement(self, stamp: float, coarse: tuple[slice, slice] | None = None) -> np.ndarray:
        """Offsets into the newer frame, float32 (h, w, 2) as (x, y) in working pixels.

        What is seen at x at `stamp` was at y = x + d in the newer frame; at constant velocity
        d = ratio * flow(y), solved from y = x. Half steps keep edges of motion from flickering.
        If `coarse`, told for every FINEST rows and columns, and only for those of that part.
        """
        flow, every = (self.coarse_flow, FINEST) if coarse else (self.flow, 1)
        part = coarse or (slice(None), slice(None))
        step = flow * np.float32(min(self.age_ratio(stamp), MAX_AGE_RATIO) / every)
        offset = step[part]
        top, left = part[0].start or 0, part[1].start or 0
        for _ in range(ROUNDS):
            there = sample(step, offset, top, left)
            offset = cv2.addWeighted(offset, 0.5, there, 0.5, 0)
        return offset * np.float32(every)

    def warp(self, stamp: float, mask: np.ndarray) -> np.ndarray:
        """Move the newer frame to `stamp`; only the box around the lost pixels is computed.

        `mask` is bool (H, W), True where lost; returns a new frame that is undefined elsewhere.
        """
        return move(self._newer.frame, self.displacement(stamp), mask)

    def residual(self) -> np.ndarray:
        """Grey levels by which the moved older frame misses the newer one, uint8 (h, w)."""
        return cv2.absdiff(self._newer.grey, sample(self._older.grey, self.flow))


@dataclass(frozen=True, eq=False)
class References:
    """The kept frames of one shape, newest first, and what is worked out from them once."""

    frames: tuple[KeptFrame, ...] = ()

    @cached_property
    def motion(self) -> Motion | None:
        """Motion of the two newest frames; None without two frames of different stamps."""
        if len(self.frames) < 2 or self.frames[0].stamp <= self.frames[1].stamp:
            return None
        return Motion(self.frames[0], self.frames[1])


def to_working(frame: np.ndarray) -> np.ndarray:
    """Bring a frame, uint8 (H, W, 3) or (H, W), to working size; itself if it has that size."""
    size = working_size(frame)
    if frame.shape[1::-1] == size:
        return frame
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)


def working_grey(frame: np.ndarray) -> np.ndarray:
    """Bring a frame, uint8 (H, W, 3) or (H, W), to grey at working size, uint8 (h, w)."""
    grey = frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    return to_working(grey)


def working_size(frame: np.ndarray) -> tuple[int, int]:
    """Give the (width, height) at which motion of a frame is estimated: whole 16 px patches."""
    height, width = frame.shape[:2]
    scale = min(1.0, WORKING_SIDE / max(height, width))
    across, down = (max(2, int(side * scale / PATCH + 0.5)) * PATCH for side in (width, height))
    return across, down


def dense_flow(newer: np.ndarray, older: np.ndarray, finest: int = 1) -> np.ndarray:
    """Estimate where in `older` each pixel of `newer` was, both uint8 (h, w).

    `finest` is how often the images are halved for the last estimate; 0 is finer and takes four
    times as long. Returns float32 (h, w, 2) as (x, y) in pixels.
    """
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(finest)
    dis.setPatchStride(4)
    dis.setGradientDescentIterations(12)
    dis.setVariationalRefinementIterations(2)  # the usual 5 are no better, and a quarter slower
    return dis.calc(newer, older, None)


def compose(offset: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Go along `flow`, then along `offset` from there; both and the sum are float32 (h, w, 2)."""
    return flow + sample(offset, flow)


def move(frame: np.ndarray, offset: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Show at each lost pixel what `frame` has there moved by `offset`.

    `offset` is float32 (h, w, 2) as (x, y) in its own pixels and is scaled to the frame; `mask` is
    bool (H, W). Only the box around the lost pixels is computed: the new frame is undefined
    elsewhere.
    """
    height, width = frame.shape[:2]
    left, top, across, down = cv2.boundingRect(mask.view(np.uint8))
    box = slice(top, top + down), slice(left, left + across)
    dx, dy = (cv2.resize(plane, (width, height))[box] for plane in cv2.split(offset))
    dx *= np.float32(width / offset.shape[1])
    dy *= np.float32(height / offset.shape[0])
    restored = np.empty_like(frame)
    dx += np.arange(left, left + across, dtype=np.float32)
    dy += np.arange(top, top + down, dtype=np.float32)[:, None]
    restored[box] = cv2.remap(frame, dx, dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return restored


def gradients(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give grey levels per pixel along x and y of a picture (h, w), float32 both."""
    along_x = cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=1 / 8)
    return along_x, cv2.Sobel(image, cv2.CV_32F, 0, 1, scale=1 / 8)


def length(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Give the lengths of vectors; cv2.magnitude would round by how its inputs lie in memory."""
    return np.sqrt(x * x + y * y)


def downsample(image: np.ndarray) -> np.ndarray:
    """Average an image (h, w) over squares of 2 x 2 pixels."""
    size = image.shape[1] // 2, image.shape[0] // 2
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def sample(
    image: np.ndarray, offset: np.ndarray, top: int = 0, left: int = 0, step: int = 1
) -> np.ndarray:
    """Read `image` at pixels (left.., top..) moved by `offset`, float32 (h, w, 2) as (x, y).

    Of rows and columns every `step`-th is read. Interpolated linearly; beyond the edge of the image
    its edge is read.
    """
    there = offset + _pixels(top, left, *offset.shape[:2], step)
    return cv2.remap(image, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


@lru_cache(maxsize=16)  # of working size or less: some MB
def _pixels(top: int, left: int, height: int, width: int, step: int) -> np.ndarray:
    """Give (x, y) of pixels, float32 (height, width, 2)."""
    places = np.empty((height, width, 2), np.float32)
    places[..., 0] = np.arange(left, left + width * step, step)
    places[..., 1] = np.arange(top, top + height * step, step)[:, None]
    places.flags.writeable = False  # callers share it
    return places
