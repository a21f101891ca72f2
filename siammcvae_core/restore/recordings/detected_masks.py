# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masks from the fault detector, where none were recorded."""

from collections.abc import Iterator

from siammcvae_core.data.pairs import to_core
from siammcvae_core.detection.detector import Detector
from siammcvae_core.frames import Source
from siammcvae_core.restore.recordings.sequence import MaskedFrame


def with_detected_masks(source: Source) -> Iterator[MaskedFrame]:
    """Yield the frames of a video or a bag, each with the mask that the detector finds.

    The detector sees every frame from the first on, also those of finished parts: a resumed run
    finds the same masks as an uninterrupted one.
    """
    detector = Detector()
    for recorded in source:
        frame = to_core(recorded)
        detection = detector.inspect(frame, recorded.stamp * 1e-9)
        yield MaskedFrame(recorded.index, recorded.stamp, frame, detection.pixels())
