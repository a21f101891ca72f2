# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masks from the fault detector, where none were recorded."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from siammcvae_core.detection.detector import Detector
from siammcvae_core.restore.recordings.sequence import MaskedFrame


def with_detected_masks(frames: Iterable[MaskedFrame]) -> Iterator[MaskedFrame]:
    """Yield the frames of a video or a bag, each with the mask that the detector finds.

    The detector sees every frame from the first on, also those of finished parts: a resumed run
    finds the same masks as an uninterrupted one. Frames that cannot be restored it does not see.
    """
    detector = Detector()
    for frame in frames:
        if frame.error is None:
            detection = detector.inspect(frame.frame, frame.time)
            yield replace(frame, mask=detection.pixels())
        else:
            yield frame
