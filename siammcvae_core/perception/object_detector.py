# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An object detector from an ONNX file, run by OpenCV: the user's own, to measure with."""

from pathlib import Path
import re

import cv2
import numpy as np

from siammcvae_core.errors import InputError
from siammcvae_core.perception.objects import Objects
from siammcvae_core.perception.output_layouts import layout_of

LEAST_SCORE = 0.05
NMS_IOU = 0.45  # as in YOLOX's own demo
PADDING = 114
DEFAULT_SIZE = (640, 640)
COCO = 80
ROAD_CLASSES = (0, 1, 2, 3, 5, 7, 9, 11)
"""Of COCO: person, bicycle, car, motorcycle, bus, truck, traffic light, stop sign."""


class ObjectDetector:
    """Finds the road users, lights and signs of a frame.

    Of the 80 classes of COCO those in ROAD_CLASSES count, of any other set all. `size` is (width,
    height) of the network's input in pixels: as the file declares, where it does.

    Raises InputError for a file that is no network OpenCV runs, or has an unknown output.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise InputError(f'no such file: {path}')
        try:
            self._network = cv2.dnn.readNetFromONNX(str(path))
            self.size = _declared_size(self._network) or DEFAULT_SIZE
            output = self._forward(np.zeros((1, 3, *self.size[::-1]), np.float32))
        except cv2.error as error:
            raise InputError(f'{path}: OpenCV cannot run it: {_reason(error)}') from error
        try:
            self._layout = layout_of(output.shape, self.size)
        except InputError as error:
            raise InputError(f'{path}: {error}') from None

    def detect(self, frame: np.ndarray) -> Objects:
        """Find objects, of a score of LEAST_SCORE or more, in a frame, uint8 (H, W, 3) or (H, W).

        Boxes of one class that overlap by more than NMS_IOU are one object.
        """
        scale, blob = self._input(frame)
        boxes, scores, classes = self._layout.decode(self._forward(blob)[0], self.size)
        counts = scores >= LEAST_SCORE
        if self._layout.classes == COCO:
            counts &= np.isin(classes, ROAD_CLASSES)
        objects = Objects((boxes / scale).astype(np.float32), scores, classes).pick(counts)
        return objects.pick(_suppress(objects)) if self._layout.classes else objects

    def _input(self, frame: np.ndarray) -> tuple[float, np.ndarray]:
        """Scale a frame into the upper left of the input; returns the scale, too."""
        width, height = self.size
        scale = min(width / frame.shape[1], height / frame.shape[0])
        scaled = cv2.resize(frame, (round(frame.shape[1] * scale), round(frame.shape[0] * scale)))
        if scaled.ndim == 2:
            scaled = cv2.cvtColor(scaled, cv2.COLOR_GRAY2BGR)
        padded = np.full((height, width, 3), PADDING, np.uint8)
        padded[: scaled.shape[0], : scaled.shape[1]] = scaled
        factor = self._layout.largest / 255
        return scale, cv2.dnn.blobFromImage(padded, factor, swapRB=self._layout.is_rgb)

    def _forward(self, blob: np.ndarray) -> np.ndarray:
        self._network.setInput(blob)
        return np.asarray(self._network.forward())


def _declared_size(network: cv2.dnn.Net) -> tuple[int, int] | None:
    """Read the input's (width, height) from OpenCV's description of the network, if it is there."""
    declared = re.search(r'<Input> \w+ \[1 x 3 x (\d+) x (\d+)\]', network.dump())
    return (int(declared[2]), int(declared[1])) if declared else None


def _suppress(objects: Objects) -> np.ndarray:
    """Return the indices of the objects that stay where boxes of a class overlap, best first."""
    corners, sizes = objects.boxes[:, :2], objects.boxes[:, 2:] - objects.boxes[:, :2]
    boxes = np.concatenate([corners, sizes], axis=1).tolist()
    scores, classes = objects.scores.tolist(), objects.classes.tolist()
    kept = cv2.dnn.NMSBoxesBatched(boxes, scores, classes, LEAST_SCORE, NMS_IOU)
    return np.array(kept, int).reshape(-1)


def _reason(error: cv2.error) -> str:
    return ' '.join(str(error.err or error).split())
