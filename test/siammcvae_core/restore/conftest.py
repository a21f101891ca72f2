# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A damaged drive on disk."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from support.recorded_drive import FRAMES, SIZE

from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.simulation.drive import DriveSim


@pytest.fixture(scope='session')
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record a damaged drive as a folder of images, and its masks."""
    folder = tmp_path_factory.mktemp('recorded')
    for name in ('frames', 'masks'):
        (folder / name).mkdir()
    faults = FaultInjector(['random:0.5', 'band:0.3', 'full'], 0.5, seed=1, burst=2)
    for frame in DriveSim(SIZE, frames=FRAMES):
        damaged = faults.inject(frame.index, frame.image)
        cv2.imwrite(str(folder / 'frames' / f'{frame.index}.png'), damaged.frame)
        cv2.imwrite(str(folder / 'masks' / f'{frame.index}.png'), damaged.mask * np.uint8(7))
    return folder
