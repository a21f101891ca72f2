# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The whole restoration as ONNX: the two modules of `model.drive_program`, for one size of frames.

| inputs of `keep_pair`     | type, shape            |                                          |
|---------------------------|------------------------|------------------------------------------|
| `newest`                  | uint8 (B, H, W, C)     | the newest intact frame                  |
| `older`                   | float (B, 1, h, w)     | the one before in grey, at working size  |
| `flow`, `path`            | float (B, 2, h, w)     | see `Motion`                             |

| inputs of `restore_frame` | type, shape            |                                          |
|---------------------------|------------------------|------------------------------------------|
| `frame`, `newest`         | uint8 (B, H, W, C)     | the damaged and the newest intact frame  |
| `mask`                    | uint8 (B, H, W)        | 0 where intact                           |
| `grey`, `older_grey`, …,  | float                  | the outputs of `keep_pair`               |
| `tokens`                  |                        |                                          |
| `share`, `ratio`          | float (B,)             | see `alignment.program.channels.Age`     |

The outputs of `restore_frame` are `restored` uint8 (B, H, W, C) and `expected_error` (B, H, W).
"""

from collections import Counter
from pathlib import Path
import tempfile
import warnings

import torch
from torch import nn, Tensor

from siammcvae_core.alignment.program.channels import Age
from siammcvae_core.alignment.program.images import Size
from siammcvae_core.alignment.program.reference import ReferenceTensors
from siammcvae_core.model.drive import DriveMCVAE
from siammcvae_core.model.drive_program import KeepPair, RestoreFrame
from siammcvae_core.model.pixels import CHANNELS

OPSET = 20  # the first with a bicubic GridSample that engines have
PAIR_INPUTS = ('newest', 'older', 'flow', 'path')
REFERENCE = ('grey', 'older_grey', 'detail', 'half', 'quarter', 'eighth', 'motion', 'coarse_path')
PAIR_OUTPUTS = (*REFERENCE, 'tokens')
FRAME_INPUTS = ('frame', 'mask', 'newest', *PAIR_OUTPUTS, 'share', 'ratio')
FRAME_OUTPUTS = ('restored', 'expected_error')


class _FlatPair(nn.Module):
    """`KeepPair` with a tuple of tensors as its output."""

    def __init__(self, program: KeepPair) -> None:
        super().__init__()
        self.program = program

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        reference, tokens = self.program(*inputs)
        return (*reference, tokens)


class _FlatFrame(nn.Module):
    """`RestoreFrame` with tensors alone as its inputs."""

    def __init__(self, program: RestoreFrame) -> None:
        super().__init__()
        self.program = program

    def forward(
        self, frame: Tensor, mask: Tensor, newest: Tensor, *rest: Tensor
    ) -> tuple[Tensor, ...]:
        *reference, tokens, share, ratio = rest
        restored, error = self.program(
            frame, mask, newest, ReferenceTensors(*reference), tokens, Age(share, ratio)
        )
        return restored, error


def export_program(model: DriveMCVAE, size: Size) -> dict[str, bytes]:
    """Export both modules for a BGR frame of `size`, all of which may be lost: ONNX by name."""
    keep, frame = KeepPair(model, size), RestoreFrame(model, size)
    height, width = keep.working
    pixels = torch.zeros(1, *size, CHANNELS, dtype=torch.uint8)
    field = torch.zeros(1, 2, height, width)
    pair = (pixels, torch.zeros(1, 1, height, width), field, field)
    with torch.inference_mode():
        kept = _FlatPair(keep)(*pair)
    mask, age = torch.ones(1, *size, dtype=torch.uint8), torch.ones(1)
    frame_inputs = (pixels, mask, pixels, *(tensor.clone() for tensor in kept), age, age)
    return {
        'keep_pair': _to_onnx(_FlatPair(keep), pair, PAIR_INPUTS, PAIR_OUTPUTS),
        'restore_frame': _to_onnx(_FlatFrame(frame), frame_inputs, FRAME_INPUTS, FRAME_OUTPUTS),
    }


def count_nodes(content: bytes) -> Counter[str]:
    """Count the operators of an ONNX file, constants aside."""
    import onnx

    names = (node.op_type for node in onnx.load_from_string(content).graph.node)
    return Counter(name for name in names if name != 'Constant')


def _to_onnx(
    module: nn.Module,
    example: tuple[Tensor, ...],
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
) -> bytes:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter('ignore')  # PyTorch's, about checks of shapes that are constants
        file = Path(folder) / 'module.onnx'
        torch.onnx.export(
            module.eval(), example, file, input_names=list(inputs), output_names=list(outputs),
            opset_version=OPSET, dynamo=False,
        )  # fmt: skip
        return file.read_bytes()
