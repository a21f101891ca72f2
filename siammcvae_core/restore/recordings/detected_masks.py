# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masks from the fault detector, where none were recorded."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from siammcvae_core.detection.detector import Detector
from siammcvae_core.restore.recordings.sequence import MaskedFrame


def with_detected_masks(frames: Iterable[MaskedFrame]) -> Iterator[MaskedFrame]:
    """Yield the frames of a video or a bag, each with the mask that the detector finds.

    Frames whose mask tells already what is lost keep it, and the detector does not see them: what
    the decoder concealed would look to it like faults that come and go. It sees every other frame
    from the first on, also those of finished parts: a resumed run finds the same masks as an
    uninterrupted one. Frames that cannot be restored it does not see.
    """
    detector = Detector()
    for frame in frames:
        told = frame.mask is not None and frame.mask.any()
        if told or frame.error is not None:
            yield frame
        else:
            mask = detector.inspect(frame.frame, frame.time).pixels()
            yield replace(frame, mask=mask)
