# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fault detector in the stream of one camera: what it flags in a frame is lost. No ROS.

It inspects each frame when it arrives, on the thread that received it: an intact frame leaves at
once, so the verdict cannot wait, and faults show against the frame before.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
import time

import numpy as np

from siammcvae_core.data.encodings import to_frame
from siammcvae_core.detection.detector import Detector
from siammcvae_core.errors import FrameError
from siammcvae_core.frames import full_mask
from siammcvae_ros.frame_path.counters import DetectorStatus
from siammcvae_ros.frame_path.output_queue import CameraFrame


class DetectorMode(str, Enum):
    """How the node uses the fault detector."""

    OFF = 'off'
    ASSIST = 'assist'
    ONLY = 'only'


class Inspection:
    """Inspects the frames of one camera in order; executor thread only.

    While `may_skip(now)` is true, now in monotonic seconds, no frame is inspected.
    """

    CAPACITY = 1000  # times

    def __init__(
        self,
        mode: DetectorMode = DetectorMode.OFF,
        may_skip: Callable[[float], bool] = lambda now: False,
    ) -> None:
        self._may_skip = may_skip
        self._detector = None if mode is DetectorMode.OFF else Detector()
        self._status = DetectorStatus(mode.value)
        self._seconds: deque[float] = deque(maxlen=self.CAPACITY)

    def inspect(self, frame: CameraFrame) -> np.ndarray | FrameError | None:
        """Detect what is lost in the next frame: bool (H, W), or None if nothing is.

        None, too, while the detector is off or paused. A failure of any kind is returned, not
        raised, as a FrameError `detector_error`; the detector is reset for the next frame.
        """
        if self._detector is None:
            return None
        if self._is_paused():
            return None
        began = time.perf_counter()
        try:
            image = to_frame(frame.pixels, frame.encoding)
            detection = self._detector.inspect(image, frame.time)
            lost = detection.pixels() if detection.mask.any() else None
        except Exception as error:
            self._detector.reset()
            text = f'{type(error).__name__}: {error}'
            failed = self._status.failed + 1
            self._status = replace(self._status, failed=failed, error=text)
            return FrameError('detector_error', f'detector: {text}')
        self._seconds.append(time.perf_counter() - began)
        if lost is not None:
            flagged = self._status.flagged + 1
            self._status = replace(self._status, flagged=flagged, classes=detection.names)
        return lost

    def _is_paused(self) -> bool:
        """Begin or end a pause; the detector is reset at its beginning."""
        paused = self._may_skip(time.monotonic())
        if paused != self._status.paused:
            if paused:
                self.reset()
            self._status = replace(self._status, paused=paused)
        return paused

    def reset(self) -> None:
        """Forget the earlier frames; the counts stay."""
        if self._detector is not None:
            self._detector.reset()

    @property
    def status(self) -> DetectorStatus:
        """Copy the counts and times for diagnostics."""
        return replace(self._status, seconds=tuple(self._seconds))


def lost_pixels(frame: CameraFrame, mask: np.ndarray | FrameError | None) -> np.ndarray | None:
    """Unite a frame's mask with what the detector flagged: bool (H, W); None if there is neither.

    Raises FrameError if the mask cannot be used, or if the inspection failed and there is no mask.
    """
    if isinstance(mask, FrameError):
        raise mask
    detected = frame.detected
    if mask is None:
        if isinstance(detected, FrameError):
            raise detected
        return detected
    lost = full_mask(mask, frame.pixels.shape[:2])
    return lost | detected if isinstance(detected, np.ndarray) else lost
