# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fault detector in the place of recorded masks."""

from collections.abc import Iterator

from siammcvae_core.data.pairs import to_core
from siammcvae_core.detection.detector import Detector
from siammcvae_core.frames import Source
from siammcvae_core.restore.recordings.sequence import Item


def detected(source: Source) -> Iterator[Item]:
    """Give the frames of a video or a bag, each with what the detector finds lost in it.

    The detector sees every frame from the first on, also those of parts that are done already: a
    resumed run finds the very masks that one in a piece finds.
    """
    detector = Detector()
    for came in source:
        frame = to_core(came)
        found = detector.inspect(frame, came.stamp * 1e-9)
        yield Item(came.index, came.stamp, frame, found.pixels())
