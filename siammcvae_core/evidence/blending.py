# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The model's answer carried out at native size: candidates moved, weighed, summed.

Every map of the answer is bilinear between its cells; only the box around the lost
pixels is computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.evidence.gather import Evidence
from siammcvae_core.motion import length, References, sample

CANDIDATES = ('moved', 'copy', 'smooth', 'straight', 'smooth_x', 'smooth_y')
SMOOTH = {'smooth': (3, 3), 'smooth_x': (7, 1), 'smooth_y': (1, 7)}
"""Width and height in pixels of the boxes that smooth the moved reference: for motion in doubt, a
little in both directions or more in one."""
SMOOTH_REACH = max(max(size) for size in SMOOTH.values()) // 2
SHARP = cv2.INTER_CUBIC  # where motion is corrected, bilinear blur would be the larger error
COLOUR_UNIT = 5.0  # grey levels
STRIP = 64  # rows that are summed at a time: what is made on the way stays in the cache
WHOLE = 8  # to resize so many pixels is quicker than to interpolate one of a box


@dataclass(frozen=True, eq=False)
class Answer:
    """What the network says of every cell, float32 (.., rows, columns) each.

    `correction` (2, ..) is added to the offset, in working pixels as (x, y); `weights` (6, ..) of
    the candidates, summing to 1; `colour` (3, ..) is added, BGR in COLOUR_UNITs; `log_scale` (..)
    is the logarithm of the expected absolute error in grey levels.
    """

    correction: np.ndarray
    weights: np.ndarray
    colour: np.ndarray
    log_scale: np.ndarray


def blend(
    references: References, evidence: Evidence, answer: Answer, mask: np.ndarray
) -> np.ndarray:
    """Restore the lost pixels, bool (H, W); a new frame like the kept ones, undefined elsewhere."""
    newest = references.frames[0].frame
    height, width = mask.shape
    size = height, width
    box = Box.around(mask, SMOOTH_REACH)
    correction = [box.of(plane, size) for plane in answer.correction]
    moved = _moved(newest, evidence.aligned, box, correction, SHARP)
    candidates = {
        'moved': moved,
        'copy': newest[box.shown],
        'straight': _moved(newest, evidence.straight, box),
    }
    for name, extent in SMOOTH.items():
        candidates[name] = cv2.blur(moved, extent, borderType=cv2.BORDER_REPLICATE)
    total = _colour(answer.colour, newest.ndim, size, box)
    weights = [box.of(plane, size) for plane in answer.weights]
    for start in range(0, box.height, STRIP):
        rows = slice(start, start + STRIP)
        for name, weight in zip(CANDIDATES, weights, strict=True):
            share = weight[rows] if newest.ndim == 2 else cv2.merge([weight[rows]] * 3)
            candidate = candidates[name][rows].astype(np.float32)
            cv2.accumulateProduct(candidate, share, total[rows])
    restored = np.empty_like(newest)
    restored[box.shown] = cv2.convertScaleAbs(cv2.max(total, 0))
    return restored


def expected_error(
    evidence: Evidence, answer: Answer, mask: np.ndarray, before: np.ndarray | None = None
) -> np.ndarray:
    """Give the expected absolute error, float32 (H, W) in grey levels, 0 where intact.

    `before`, likewise, is that of the newest reference if it was itself restored: it moves with it
    and adds to it, as an independent one.
    """
    size = mask.shape[::-1]
    error = cv2.resize(np.exp(answer.log_scale), size)
    if before is not None:
        there = cv2.split(evidence.aligned)
        working = cv2.resize(before, there[0].shape[::-1], interpolation=cv2.INTER_AREA)
        moved = cv2.resize(sample(working, *there), size)
        error = length(error, moved)
    return error * mask


@dataclass(frozen=True)
class Box:
    """A rectangle of native pixels."""

    top: int
    left: int
    height: int
    width: int

    @classmethod
    def around(cls, mask: np.ndarray, margin: int) -> 'Box':
        """Enclose what is set in a mask, bool (H, W), and a margin as far as the frame goes."""
        left, top, across, down = cv2.boundingRect(mask.view(np.uint8))
        bottom = min(top + down + margin, mask.shape[0])
        right = min(left + across + margin, mask.shape[1])
        top, left = max(top - margin, 0), max(left - margin, 0)
        return cls(top, left, bottom - top, right - left)

    @property
    def shown(self) -> tuple[slice, slice]:
        """The rows and columns of its pixels."""
        rows = slice(self.top, self.top + self.height)
        return rows, slice(self.left, self.left + self.width)

    def of(self, plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Bring a map (rows, columns) of the frame to native `size` (H, W), and cut the box out."""
        if WHOLE * self.height * self.width >= size[0] * size[1]:
            whole = cv2.resize(plane, size[::-1])
            return whole[self.top : self.top + self.height, self.left : self.left + self.width]
        rows, columns = plane.shape
        scale_x, scale_y = columns / size[1], rows / size[0]
        # Only the box is interpolated: pixel p of the frame is at (p + 1/2) * scale - 1/2.
        shift_x = (self.left + 0.5) * scale_x - 0.5
        shift_y = (self.top + 0.5) * scale_y - 0.5
        matrix = np.array([[scale_x, 0, shift_x], [0, scale_y, shift_y]])
        return cv2.warpAffine(
            plane, matrix, (self.width, self.height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip


def _moved(
    frame: np.ndarray,
    offset: np.ndarray,
    box: Box,
    correction: Sequence[np.ndarray | float] = (0.0, 0.0),
    how: int = cv2.INTER_LINEAR,
) -> np.ndarray:
    """Move a frame by an offset of working size and its correction, (x, y) planes of the box."""
    height, width = frame.shape[:2]
    rows, columns = offset.shape[:2]
    x, y = (box.of(offset[..., k], (height, width)) + correction[k] for k in (0, 1))
    x *= np.float32(width / columns)
    y *= np.float32(height / rows)
    return sample(frame, x, y, box.top, box.left, how)


def _colour(colour: np.ndarray, dimensions: int, size: tuple[int, int], box: Box) -> np.ndarray:
    planes = np.float32(COLOUR_UNIT) * colour
    if dimensions == 2:
        return np.ascontiguousarray(box.of(planes.mean(0), size))
    return cv2.merge([box.of(plane, size) for plane in planes])
