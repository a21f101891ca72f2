# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A damaged drive as a folder of images with its masks, and what the node makes of it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from siammcvae_core.data.sources import open_source
from siammcvae_core.detection.detector import Detector
from siammcvae_core.restore.restorer import Restorer

SIZE = (96, 64)
FRAMES = 150  # three parts

MOTION = ('--weights', 'none', '--causal')  # exact to the bit, and quick


def arguments(drive: Path, out: Path) -> list[str]:
    return [str(drive / 'frames'), str(out), '--mask', str(drive / 'masks'), *MOTION]


def images(path: Path) -> list[np.ndarray]:
    source = open_source(path)
    frames = [frame.image for frame in source]
    assert source.broken == ''
    return frames


def expected(drive: Path) -> Iterator[np.ndarray]:
    """Restore frame by frame, as the node does."""
    restorer = Restorer()
    for frame, mask in zip(
        open_source(drive / 'frames'), open_source(drive / 'masks'), strict=True
    ):
        if mask.image.any():
            yield restorer.restore(frame.image, mask.image, frame.stamp * 1e-9).frame
        else:
            restorer.observe(frame.image, frame.stamp * 1e-9)
            yield frame.image


def detected_and_restored(drive: Path) -> Iterator[np.ndarray]:
    """Detect faults and restore frame by frame, as the node does without masks."""
    restorer, detector = Restorer(), Detector()
    for frame in open_source(drive / 'frames'):
        stamp = frame.stamp * 1e-9
        mask = detector.inspect(frame.image, stamp).pixels()
        if mask.any():
            yield restorer.restore(frame.image, mask, stamp).frame
        else:
            restorer.observe(frame.image, stamp)
            yield frame.image
