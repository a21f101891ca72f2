# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small networks that find bright squares of one colour, with the outputs of YOLO networks."""

from pathlib import Path

import torch
from torch import nn, Tensor

STRIDES = (8, 16, 32)
SIDE = 64
"""Width and height of the input in pixels: 64, 16 and 4 cells."""


class SquareFinder(nn.Module):
    """Finds squares that fill a cell of 16 px; the class is the channel in which they are bright.

    `layout` is one of yolox, yolox_decoded, yolov5, yolov8 and yolov10; samples are 0 to `largest`.
    The three channels are the first of `classes` classes.
    """

    def __init__(self, layout: str, largest: float, classes: int = 3) -> None:
        super().__init__()
        self.layout, self.largest, self.classes = layout, largest, classes

    def forward(self, x: Tensor) -> Tensor:
        """Look at an input (1, 3, SIDE, SIDE)."""
        rows = []
        for stride in STRIDES:
            n = SIDE // stride
            mean = nn.functional.avg_pool2d(x, stride).flatten(2).transpose(1, 2)  # (1, n², 3)
            bright = torch.sigmoid(40 * (mean / self.largest - 0.7)) * float(stride == 16)
            scores = nn.functional.pad(bright, (0, self.classes - 3))  # (1, n², classes)
            along = torch.arange(float(n))
            cell = torch.cartesian_prod(along, along).flip(1)[None]  # (1, n², 2)
            if self.layout == 'yolox':
                box = torch.cat([torch.full((1, n * n, 2), 0.5), torch.zeros(1, n * n, 2)], 2)
            else:
                box = torch.cat(
                    [(cell + 0.5) * stride, torch.full((1, n * n, 2), float(stride))], 2
                )
            rows.append(self._rows(box, scores))
        if self.layout == 'yolov10':
            return rows[1]
        output = torch.cat(rows, 1)
        return output.transpose(1, 2) if self.layout == 'yolov8' else output

    def _rows(self, box: Tensor, scores: Tensor) -> Tensor:
        if self.layout == 'yolov8':
            return torch.cat([box, scores], 2)
        if self.layout == 'yolov10':
            half = box[..., 2:] / 2
            best, which = scores.max(2, keepdim=True)
            return torch.cat([box[..., :2] - half, box[..., :2] + half, best, which], 2)
        row = torch.cat([box, torch.ones_like(scores[..., :1]), scores], 2)
        return torch.cat([row] * 3, 1) if self.layout == 'yolov5' else row


def write_detector(path: Path, layout: str = 'yolox', classes: int = 3) -> Path:
    """Write such a network as an ONNX file; returns its path."""
    largest = 255.0 if layout.startswith('yolox') else 1.0
    network = SquareFinder(layout, largest, classes)
    torch.onnx.export(network, (torch.zeros(1, 3, SIDE, SIDE),), str(path), dynamo=False)
    return path
