# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rendered clips to evaluate on."""

from pathlib import Path

import cv2
import pytest

from siammcvae_core.simulation.drive import DriveSim

SIZE = (128, 96)
FRAMES = 16


@pytest.fixture(scope='session')
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Render three short drives as folders of images; one shows every third frame twice."""
    folder = tmp_path_factory.mktemp('clips')
    for seed, name in enumerate(('day', 'night', 'stutter')):
        (folder / name).mkdir()
        drive = DriveSim(SIZE, frames=FRAMES, seed=seed, night=name == 'night')
        for number in range(FRAMES):
            shown = number - (name == 'stutter' and number % 4 == 3)
            cv2.imwrite(str(folder / name / f'{number}.png'), drive.render(shown))
    return folder
