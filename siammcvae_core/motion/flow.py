# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Dense optical flow, and the working size of frames at which it is estimated."""

import cv2
import numpy as np

from siammcvae_core.motion.images import resize_area

WORKING_SIDE = 640  # pixels of the longer side at which flow is estimated, at most
PATCH = 16  # working sizes are whole patches, 2 of them at least: DIS reads out of bounds in less


def working_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Width and height at which the motion of a frame (H, W, ..) is estimated: whole patches."""
    height, width = shape[:2]
    scale = min(1.0, WORKING_SIDE / max(height, width))
    across, down = (max(2, int(side * scale / PATCH + 0.5)) * PATCH for side in (width, height))
    return across, down


def to_working(frame: np.ndarray) -> np.ndarray:
    """Bring a frame, uint8 (H, W, 3) or (H, W), to working size; itself if it has that size."""
    size = working_size(frame.shape)
    return frame if frame.shape[1::-1] == size else resize_area(frame, size)


def working_grey(frame: np.ndarray) -> np.ndarray:
    """Bring a frame, uint8 (H, W, 3) or (H, W), to grey at working size, uint8 (h, w)."""
    grey = frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    return to_working(grey)


def dense_flow(
    newer: np.ndarray, older: np.ndarray, finest: int = 1, start: np.ndarray | None = None
) -> np.ndarray:
    """Estimate the flow f by DIS (Kroeger et al. 2016): newer(x) = older(x + f(x)).

    Both are uint8 (h, w). The last estimate is made at scale 2^-`finest`; 0 takes four times as
    long as 1. `start` is a flow to begin with, which is not changed. Returns float32 (h, w, 2) as
    (x, y) in pixels.
    """
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(finest)
    dis.setPatchStride(4)
    dis.setGradientDescentIterations(12)
    dis.setVariationalRefinementIterations(2)  # the usual 5 are no better, and a quarter slower
    return dis.calc(newer, older, None if start is None else start.copy())
