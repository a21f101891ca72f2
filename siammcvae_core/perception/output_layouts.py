# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the outputs of YOLO networks mean, told by their shapes.

========================  ==============================================  ==========================
shape                     rows or columns                                 networks
========================  ==============================================  ==========================
(1, cells, 5 + C)         centre, size, objectness, scores of C classes   YOLOX (Ge et al. 2021)
(1, 3 cells, 5 + C)       the same, three anchors a cell                  YOLOv5, v7 (Ultralytics)
(1, 4 + C, cells)         centre, size, scores of C classes               YOLOv8, v9, v11
(1, N, 6)                 left, top, right, bottom, score, class          YOLOv10, exports with NMS
========================  ==============================================  ==========================

`cells` are those of the strides 8, 16 and 32, and of 64 where there is a fourth scale.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from siammcvae_core.errors import InputError

STRIDES = (8, 16, 32, 64)
LOG_LIMIT = 20.0
"""The size of a YOLOX box is a logarithm if none is greater: e^20 strides are no picture."""

Size = tuple[int, int]
"""Width and height of the network's input in pixels."""
Decoded = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Boxes (N, 4): left, top, right, bottom in pixels of the input; scores (N,); classes (N,)."""


@dataclass(frozen=True)
class OutputLayout:
    """How a network wants its input and what its output, float (A, B), means.

    Samples are 0 to `largest`, RGB if `is_rgb`, else BGR. `classes` is how many there are; 0 where
    the shape does not tell, and every object has one box already.
    """

    largest: float
    is_rgb: bool
    decode: Callable[[np.ndarray, Size], Decoded]
    classes: int


def layout_of(shape: tuple[int, ...], size: Size) -> OutputLayout:
    """Return the layout of an output of this shape; raises InputError for one that is unknown."""
    if len(shape) == 3 and shape[0] == 1:
        rows, columns = shape[1:]
        for scales in (3, 4):
            cells = sum(len(_centres(size, stride)) for stride in STRIDES[:scales])
            if rows == cells and columns > 5:
                return OutputLayout(255.0, False, _yolox, columns - 5)
            if rows == 3 * cells and columns > 5:
                return OutputLayout(1.0, True, _with_objectness, columns - 5)
            if columns == cells and rows > 4:
                return OutputLayout(1.0, True, _without_objectness, rows - 4)
        if columns == 6:
            return OutputLayout(1.0, True, _end_to_end, classes=0)
    raise InputError(
        f'an output of shape {"x".join(map(str, shape))} at {size[0]}x{size[1]} is none of YOLOX, '
        'YOLOv5 to v11 or a list of boxes, 1xNx6'
    )


def _centres(size: Size, stride: int) -> np.ndarray:
    """Return the corners of all cells of a stride, row by row, in cells; (cells, 2)."""
    columns, rows = size[0] // stride, size[1] // stride
    return np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)


def _yolox(output: np.ndarray, size: Size) -> Decoded:
    """Decode YOLOX: centre = (x, y) + cell, size = exp(w, h), both in strides of the cell.

    Exports may have done so already.
    """
    if output[:, 2:4].max() <= LOG_LIMIT:
        scales = 3 if len(output) == sum(len(_centres(size, s)) for s in STRIDES[:3]) else 4
        cells = [_centres(size, stride) for stride in STRIDES[:scales]]
        counts = [len(c) for c in cells]
        strides = np.repeat(STRIDES[:scales], counts)[:, None]
        corner = (output[:, :2] + np.concatenate(cells)) * strides
        output = np.concatenate([corner, np.exp(output[:, 2:4]) * strides, output[:, 4:]], axis=1)
    return _with_objectness(output, size)


def _with_objectness(output: np.ndarray, size: Size) -> Decoded:
    return _best_class(output[:, :4], output[:, 5:] * output[:, 4:5])


def _without_objectness(output: np.ndarray, size: Size) -> Decoded:
    return _best_class(output[:4].T, output[4:].T)


def _end_to_end(output: np.ndarray, size: Size) -> Decoded:
    return output[:, :4], output[:, 4], output[:, 5].astype(int)


def _best_class(centred: np.ndarray, scores: np.ndarray) -> Decoded:
    """Turn centres and sizes, (N, 4), into boxes, each of the class with the highest score."""
    half = centred[:, 2:] / 2
    boxes = np.concatenate([centred[:, :2] - half, centred[:, :2] + half], axis=1)
    classes = scores.argmax(axis=1)
    return boxes, scores[np.arange(len(scores)), classes], classes
