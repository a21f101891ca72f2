# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Flow filling: motion measured at the visible pixels of a damaged frame, extended into its hole.

The hole is filled with the reference warped by the present estimate u of the motion; dense flow
from this composite to the warped reference is a correction d at the visible pixels. With c their
confidence and G a Gaussian (normalised convolution, Knutsson and Westin 1993) the update is

    u <- u + (G * (c d)) / (G * c),    c = v (0.05 + g / (g + 20)) / (1 + (r / 8)^2)

where v is 1 at visible pixels and 0 elsewhere, g the mean squared image gradient and r the mean
absolute residual of the flow around a pixel. All at working size. The constants were chosen on
training clips; the score hardly depends on them.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.motion.flow import dense_flow, working_grey
from siammcvae_core.motion.images import gradients
from siammcvae_core.motion.references import References
from siammcvae_core.motion.warp import compose, warp, warp_frame

ROUNDS = 3  # a fourth gains little
ORACLE_ROUNDS = 2
CELL = 8  # working pixels; corrections are blurred on a grid of such cells
SIGMA = 12.0  # standard deviation of the blur in working pixels: holes are often 16 px cells
TAIL, TAIL_WEIGHT = 4, 0.2  # G is a sum of two: one TAIL times as wide reaches into large holes
NOTHING = 1e-6  # confidence below which nothing is known

GRADIENT = 20.0  # mean squared gradient, grey levels² per px², at which confidence is half
FLAT_CONFIDENCE = 0.05  # of flow in a flat area
RESIDUAL = 8.0  # grey levels at which confidence is half
WINDOW = 9  # working pixels over which both are averaged


def visible_flow(
    references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
) -> np.ndarray:
    """Correct the constant-velocity motion of the references by the flow of the visible pixels.

    With nothing visible this is constant velocity. Raises ValueError without two references.
    """
    motion = references.newest(2).motion
    if motion is None:
        raise ValueError('visible_flow needs two references of different stamps')
    reference = references.frames[0]
    visible = VisibleFlow.of(frame, mask, reference.grey)
    offset = motion.displacement(stamp)
    if visible.any:
        for _ in range(ROUNDS):
            offset = visible.refine(offset)
    return warp_frame(reference.frame, offset, mask)


def oracle(references: References, frame: np.ndarray, mask: np.ndarray, stamp: float) -> np.ndarray:
    """Warp the newest reference by its flow from `frame`, which must be the undamaged one.

    Not a method to choose, but an upper bound for those that warp a reference.
    """
    reference = references.frames[0]
    grey = working_grey(frame)
    offset = np.zeros((*grey.shape, 2), np.float32)
    for _ in range(ORACLE_ROUNDS):
        warped = warp(reference.grey, offset)
        offset = compose(offset, dense_flow(grey, warped, finest=0))
    return warp_frame(reference.frame, offset, mask)


@dataclass(frozen=True, eq=False)
class VisibleFlow:
    """The visible pixels of a damaged frame and the reference, to measure motion between them.

    All at working size. `grey` and `reference` are uint8 (h, w); `hole` is uint8 (h, w), not 0
    where any part of the pixel is lost, and what `grey` has there is never used.
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
        """Warp the reference by `offset` and paste it into the hole: (composite, warped)."""
        warped = warp(self.reference, offset)
        return cv2.copyTo(warped, self.hole, self.grey.copy()), warped

    def refine(self, offset: np.ndarray, fade: float = 0.0) -> np.ndarray:
        """Correct `offset`, float32 (h, w, 2), by the flow at visible pixels; see `fill`."""
        composite, warped = self.composite(offset)
        refined = compose(offset, dense_flow(composite, warped))
        residual = cv2.absdiff(composite, warp(self.reference, refined))
        confidence = self.seen * _confidence(composite, residual)
        return offset + fill(refined - offset, confidence, SIGMA, fade)


def fill(
    correction: np.ndarray,
    confidence: np.ndarray,
    sigma: float,
    fade: float = 0.0,
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """Compute (G * (c d)) / (G * c + fade) of corrections d, float32 (h, w, 2).

    `confidence` is c, float32 (h, w). Where blurred confidence equals `fade`, half of the
    correction is left, and it vanishes below. `sigma`, that of G, is in pixels of the result,
    which has `size` (h, w), by default that of `correction`.
    """
    height, width = size or confidence.shape
    weighted = cv2.merge([*cv2.split(correction * confidence[..., None]), confidence])
    grid = -(-width // CELL), -(-height // CELL)
    if grid[0] < weighted.shape[1]:
        weighted = cv2.resize(weighted, grid, interpolation=cv2.INTER_AREA)
    sigma *= weighted.shape[1] / width
    near, far = (cv2.GaussianBlur(weighted, (0, 0), sigma * k) for k in (1, TAIL))
    total = near + TAIL_WEIGHT * far
    return cv2.resize(total[..., :2] / (total[..., 2:] + max(fade, NOTHING)), (width, height))


def _confidence(image: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Compute c / v, float32 (h, w): high where there are gradients that the flow explains."""
    along_x, along_y = gradients(image)
    power = cv2.blur(along_x * along_x + along_y * along_y, (WINDOW, WINDOW))
    error = cv2.blur(residual.astype(np.float32), (WINDOW, WINDOW)) / RESIDUAL
    return (FLAT_CONFIDENCE + power / (power + GRADIENT)) / (1 + error * error)
