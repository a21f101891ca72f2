# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a detector finds in a restored frame, against what it finds in the undamaged one.

Only objects count of which half or more is lost: no other tells how good a restoration is.
"""

from argparse import ArgumentParser
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from siammcvae_core.perception import match, ObjectDetector, Objects

IN_TRUTH = 0.5
"""Least score of an object in the undamaged frame."""
IN_RESTORED = 0.35
"""Least score of a detection in a restored frame."""
LOST = 0.5
"""Least share of an object that is lost."""
GREEN, RED, ORANGE = (0, 200, 0), (0, 0, 255), (0, 160, 255)


@dataclass(frozen=True)
class ObjectCounts:
    """Objects that are truly there and how many were found again; detections, and correct ones."""

    objects: int
    found: int
    detections: int
    correct: int


@dataclass(frozen=True, eq=False)
class Findings:
    """Boxes, (N, 4), of objects found again and missed, and of detections that are not correct.

    `is_again`, bool (M,), tells of each of the `lost_objects` whether it was found.
    """

    found: np.ndarray
    missed: np.ndarray
    invented: np.ndarray
    counts: ObjectCounts
    is_again: np.ndarray

    def draw(self, frame: np.ndarray) -> np.ndarray:
        """Return the frame with boxes: found green, missed red, invented orange."""
        drawn = cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR) if frame.ndim == 2 else frame.copy()
        for boxes, colour in ((self.found, GREEN), (self.missed, RED), (self.invented, ORANGE)):
            for left, top, right, bottom in boxes.round().astype(int).tolist():
                cv2.rectangle(drawn, (left, top), (right, bottom), colour, 2)
        return drawn


def add_detector_option(parser: ArgumentParser) -> None:
    """Add --detector."""
    parser.add_argument(
        '--detector',
        type=Path,
        metavar='FILE.onnx',
        help='a YOLO of yours, which looks for objects in the restored frames',
    )


@cache
def load_detector(path: Path) -> ObjectDetector:
    """Load a detector, once in a process; raises InputError as ObjectDetector does."""
    return ObjectDetector(path)


def lost_objects(truth: Objects, mask: np.ndarray) -> np.ndarray:
    """Return the indices of the objects of an undamaged frame of which LOST or more is lost."""
    return np.flatnonzero((truth.scores >= IN_TRUTH) & (truth.lost_share(mask) >= LOST))


def compare(truth: Objects, restored: Objects, mask: np.ndarray) -> Findings:
    """Compare what is found in the undamaged and in the restored frame; `mask` is bool (H, W).

    An object is in the undamaged frame with a score of IN_TRUTH; it is found again by a detection
    of IN_RESTORED. A detection is correct where the undamaged frame has it with IN_RESTORED, too.
    """
    objects = truth.pick(lost_objects(truth, mask))
    found = restored.pick(restored.scores >= IN_RESTORED)
    again = match(objects, found) >= 0
    detections = found.pick(found.lost_share(mask) >= LOST)
    correct = match(detections, truth.pick(truth.scores >= IN_RESTORED)) >= 0
    counts = ObjectCounts(len(objects), int(again.sum()), len(detections), int(correct.sum()))
    found_again, missed = objects.boxes[again], objects.boxes[~again]
    return Findings(found_again, missed, detections.boxes[~correct], counts, again)
