# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Motion seen at the visible pixels of a damaged frame, filled into its hole.

The hole is filled with the reference moved by the motion believed so far; flow from this composite
to the moved reference shows where visible pixels deviate from that belief. The deviations, weighted
by how far they can be trusted, are spread into the hole by normalised blur, and the belief is
corrected. All at working size. The constants were chosen on training clips; the score hardly
depends on them.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.motion.references import (
    compose,
    dense_flow,
    gradients,
    move,
    References,
    sample,
    working_grey,
)

ROUNDS = 3  # a fourth gains little
ORACLE_ROUNDS = 2
CELL = 8  # working pixels; deviations are spread on a grid of such cells
SPREAD = 12.0  # standard deviation of the blur in working pixels: holes are often 16 px cells
TAIL, TAIL_WEIGHT = 4, 0.2  # a second, wider blur reaches into large holes
NOTHING = 1e-6  # confidence below which nothing is known

SLOPE_POWER = 20.0  # mean squared slope, grey levels² per px², at which flow is half trusted
FLAT_TRUST = 0.05  # what flow is worth in a flat area
MISFIT = 8.0  # grey levels the flow leaves unexplained at which it is half trusted
WINDOW = 9  # working pixels over which both are averaged


def visible_flow(
    references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
) -> np.ndarray:
    """Correct the constant-velocity motion of the kept pair by the flow of the visible pixels.

    With nothing visible this is constant velocity. Raises ValueError without two kept frames.
    """
    if references.motion is None:
        raise ValueError('visible_flow needs two kept frames of different stamps')
    reference = references.frames[0]
    evidence = VisibleFlow.of(frame, mask, reference.grey)
    offset = references.motion.displacement(stamp)
    if evidence.any:
        for _ in range(ROUNDS):
            offset = evidence.refine(offset)
    return move(reference.frame, offset, mask)


def oracle(references: References, frame: np.ndarray, mask: np.ndarray, stamp: float) -> np.ndarray:
    """Move the newest kept frame by its flow from `frame`, which must be the undamaged one.

    No peer to pick, but an upper bound for those that move a kept frame.
    """
    reference = references.frames[0]
    grey = working_grey(frame)
    offset = np.zeros((*grey.shape, 2), np.float32)
    for _ in range(ORACLE_ROUNDS):
        moved = sample(reference.grey, offset)
        offset = compose(offset, dense_flow(grey, moved, finest=0))
    return move(reference.frame, offset, mask)


@dataclass(frozen=True, eq=False)
class VisibleFlow:
    """What a damaged frame shows of its motion since the reference, at working size.

    `grey` and `reference` are uint8 (h, w); `hole` is uint8 (h, w), not 0 where any part of the
    pixel is lost, and what `grey` has there is never used.
    """

    grey: np.ndarray
    hole: np.ndarray
    reference: np.ndarray

    @classmethod
    def of(cls, frame: np.ndarray, mask: np.ndarray, reference: np.ndarray) -> 'VisibleFlow':
        """Bring a frame and its mask, bool (H, W), to working size, as the reference is."""
        size = reference.shape[::-1]
        lost = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        return cls(working_grey(frame), (lost > 0).view(np.uint8), reference)

    @property
    def any(self) -> bool:
        """Whether anything is visible."""
        return not self.hole.all()

    @property
    def seen(self) -> np.ndarray:
        """1 where visible, 0 elsewhere, float32 (h, w)."""
        return np.subtract(1, self.hole, dtype=np.float32)

    def composite(self, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Move the reference by `offset`, and put it into the hole: (composite, moved)."""
        moved = sample(self.reference, offset)
        return cv2.copyTo(moved, self.hole, self.grey.copy()), moved

    def refine(self, offset: np.ndarray, fade: float = 0.0) -> np.ndarray:
        """Correct `offset`, float32 (h, w, 2), by the flow of the visible pixels; see `spread`."""
        composite, moved = self.composite(offset)
        refined = compose(offset, dense_flow(composite, moved))
        misfit = cv2.absdiff(composite, sample(self.reference, refined))
        confidence = self.seen * _trust(composite, misfit)
        return offset + spread(refined - offset, confidence, SPREAD, fade)


def spread(
    deviation: np.ndarray,
    confidence: np.ndarray,
    sigma: float,
    fade: float = 0.0,
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """Blur deviations, float32 (h, w, 2), weighted by `confidence`, float32 (h, w).

    Where blurred confidence is as low as `fade`, half of the deviation is left, and none beyond.
    `sigma` is in pixels of the result, which has `size` (h, w), by default that of `deviation`.
    """
    height, width = size or confidence.shape
    weighted = cv2.merge([*cv2.split(deviation * confidence[..., None]), confidence])
    grid = -(-width // CELL), -(-height // CELL)
    if grid[0] < weighted.shape[1]:
        weighted = cv2.resize(weighted, grid, interpolation=cv2.INTER_AREA)
    sigma *= weighted.shape[1] / width
    near, far = (cv2.GaussianBlur(weighted, (0, 0), sigma * k) for k in (1, TAIL))
    total = near + TAIL_WEIGHT * far
    return cv2.resize(total[..., :2] / (total[..., 2:] + max(fade, NOTHING)), (width, height))


def _trust(image: np.ndarray, misfit: np.ndarray) -> np.ndarray:
    """How far flow is to be trusted: where there are slopes, and where it explains the change."""
    along_x, along_y = gradients(image)
    power = cv2.blur(along_x * along_x + along_y * along_y, (WINDOW, WINDOW))
    error = cv2.blur(misfit.astype(np.float32), (WINDOW, WINDOW)) / MISFIT
    return (FLAT_TRUST + power / (power + SLOPE_POWER)) / (1 + error * error)
