# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fault detector in the stream of one camera: what it finds in a frame is lost. No ROS.

It looks at each frame as it comes, on the thread that received it: whether a frame is intact must
be known before it leaves, and what is lost in a frame shows against the frame before.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
import time

import numpy as np

from siammcvae_core.detection.detector import Detector
from siammcvae_core.errors import FrameError
from siammcvae_core.frames import full_mask
from siammcvae_ros.frame_path.counters import Findings
from siammcvae_ros.frame_path.encodings import to_frame
from siammcvae_ros.frame_path.output_queue import Ticket


class DetectorMode(str, Enum):
    """What the node takes from the fault detector."""

    OFF = 'off'
    ASSIST = 'assist'
    ONLY = 'only'


class Inspection:
    """Inspects the frames of one camera in order and keeps the account; executor thread only.

    `rests`, asked with the time in monotonic seconds, says when no frame need be looked at.
    """

    SECONDS_KEPT = 1000

    def __init__(
        self,
        mode: DetectorMode = DetectorMode.OFF,
        rests: Callable[[float], bool] = lambda now: False,
    ) -> None:
        self._rests = rests
        self._detector = None if mode is DetectorMode.OFF else Detector()
        self._findings = Findings(mode.value)
        self._seconds: deque[float] = deque(maxlen=self.SECONDS_KEPT)

    def look(self, ticket: Ticket) -> np.ndarray | FrameError | None:
        """Find what is lost in the next frame: bool (H, W), or None if nothing is.

        None, too, while the detector is off or rests. Whatever goes wrong is given back, not
        raised, as a FrameError `detector_error`; the detector then starts anew with the next frame.
        """
        if self._detector is None:
            return None
        if self._has_to_rest():
            return None
        began = time.perf_counter()
        try:
            frame = to_frame(ticket.pixels, ticket.encoding)
            detection = self._detector.inspect(frame, ticket.stamp * 1e-9)
            lost = detection.pixels() if detection.mask.any() else None
        except Exception as error:
            self._detector.reset()
            text = f'{type(error).__name__}: {error}'
            failed = self._findings.failed + 1
            self._findings = replace(self._findings, failed=failed, error=text)
            return FrameError('detector_error', f'detector: {text}')
        self._seconds.append(time.perf_counter() - began)
        if lost is not None:
            flagged = self._findings.flagged + 1
            self._findings = replace(self._findings, flagged=flagged, found=detection.names)
        return lost

    def _has_to_rest(self) -> bool:
        """Take a rest or end it; after one the detector starts anew."""
        rests = self._rests(time.monotonic())
        if rests and not self._findings.rests:
            self.reset()
        if rests != self._findings.rests:
            self._findings = replace(self._findings, rests=rests)
        return rests

    def reset(self) -> None:
        """Forget the stream, not the account."""
        if self._detector is not None:
            self._detector.reset()

    @property
    def findings(self) -> Findings:
        """Copy the account for diagnostics."""
        return replace(self._findings, seconds=tuple(self._seconds))


def lost_pixels(ticket: Ticket, mask: np.ndarray | FrameError | None) -> np.ndarray | None:
    """Unite what a frame's mask and the detector say is lost: bool (H, W); None if neither speaks.

    Raises FrameError if the mask cannot be used, or if the inspection failed and there is no mask.
    """
    if isinstance(mask, FrameError):
        raise mask
    found = ticket.found
    if mask is None:
        if isinstance(found, FrameError):
            raise found
        return found
    lost = full_mask(mask, ticket.pixels.shape[:2])
    return lost | found if isinstance(found, np.ndarray) else lost
