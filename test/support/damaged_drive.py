# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A rendered drive that is damaged for some frames, for the tests of the detector."""

import numpy as np

from siammcvae_core.detection.detector import Detection, Detector
from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.faults.masks import CELL
from siammcvae_core.simulation.drive import DriveSim

SIZE = (320, 192)
FIRST = 6  # frames before the fault
BURST = 5


def render_drive() -> list[np.ndarray]:
    """Render a drive as a camera delivers it: with noise."""
    rng = np.random.default_rng(3)
    frames = [frame.image for frame in DriveSim(SIZE, frames=FIRST + BURST + 12)]
    noise = [rng.normal(0, 1.5, frame.shape) for frame in frames]
    return [
        np.clip(frame + added, 0, 255).round().astype(np.uint8)
        for frame, added in zip(frames, noise, strict=True)
    ]


def lost_cells(mask: np.ndarray) -> np.ndarray:
    """Find the cells with any lost pixel."""
    below, beyond = (-side % CELL for side in mask.shape)
    return np.pad(mask, ((0, below), (0, beyond))).reshape(
        -1, CELL, (mask.shape[1] + beyond) // CELL, CELL
    ).any(axis=(1, 3))  # fmt: skip


def inspect_drive(frames: list[np.ndarray], spec: str) -> list[tuple[Detection, np.ndarray]]:
    """Damage the frames from FIRST to FIRST + BURST: the detection of each, and its lost cells."""
    injector, detector = FaultInjector([spec], 1.0, 4, 1000), Detector()
    results = []
    for number, frame in enumerate(frames):
        mask = np.zeros(frame.shape[:2], bool)
        if number == FIRST - 1:
            injector.inject(number, frame)  # what the camera holds when the fault begins
        if FIRST <= number < FIRST + BURST:
            damaged = injector.inject(number, frame)
            frame, mask = damaged.frame, damaged.mask
        results.append((detector.inspect(frame, number * 0.1), lost_cells(mask)))
    return results
