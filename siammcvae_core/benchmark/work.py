# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The work there is in restoring a frame, counted: operations of the network, bytes to be touched.

Operations are those of matrix products and convolutions (a multiply-add is two), counted by PyTorch
while the network runs. Bytes are the least that any implementation has to touch: weights, what goes
in and out of the network, and the frames.
"""

from collections.abc import Callable
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn, Tensor
from torch.utils.flop_counter import FlopCounterMode

from siammcvae_core.alignment.features import extract_features
from siammcvae_core.engines.crop import Inputs, whole_frame
from siammcvae_core.engines.drive import DriveEngine
from siammcvae_core.engines.drive_torch import TorchNetwork
from siammcvae_core.evaluate.samples import DamagedCase
from siammcvae_core.model.checkpoint import load_model
from siammcvae_core.model.drive import DriveMCVAE
from siammcvae_core.model.drive_export import EncodeReference, RestorePart
from siammcvae_core.model.profiles import DriveProfile
from siammcvae_core.motion.flow import to_working

BYTES = {'float32': 4, 'bfloat16': 2, 'float16': 2}


@dataclass(frozen=True)
class Work:
    """Work per frame.

    Operations of `encode` and `restore`; numbers in the weights, and in what goes in and out of the
    network; bytes of the frames.
    """

    encode_flop: float
    restore_flop: float
    weights: float
    values: float
    frame_bytes: float

    def network_bytes(self, dtype: str) -> float:
        """Bytes that `restore` of the network touches at least."""
        return (self.weights + self.values) * BYTES.get(dtype, math.nan)

    def bytes(self, dtype: str) -> float:
        """Bytes of weights and frames."""
        return self.weights * BYTES.get(dtype, math.nan) + self.frame_bytes


class Counter:
    """Counts the work of the drive model in a weights file; raises `WeightsError`."""

    def __init__(self, weights: Path) -> None:
        # Written-out attention: the counter does not know every fused kernel.
        model = load_model(weights, DriveMCVAE, DriveProfile, kernel='standard')
        self._encode, self._restore = EncodeReference(model), RestorePart(model)
        self._engine = DriveEngine(weights, TorchNetwork)

    def count(self, case: DamagedCase) -> Work:
        """Count the work in restoring a case."""
        patch = self._engine.patch
        known = extract_features(case.references(), case.frame, case.mask, case.stamp)
        part = self._engine.part(known)
        newest = to_working(case.reference_frames[0].frame)
        encode_flop, tokens = _counted(self._encode, **_tensors(whole_frame(newest, patch)))
        inputs = _tensors(part.inputs)
        restore_flop, answer = _counted(self._restore, tokens, **inputs)
        values = sum(tensor.numel() for tensor in (tokens, *inputs.values(), *answer))
        frames = len(case.reference_frames) + 2  # the damaged one and the restored one
        return Work(
            encode_flop, restore_flop, _numbers(self._restore), values,
            frames * case.frame.nbytes + case.mask.nbytes,
        )  # fmt: skip


def mean(works: list[Work]) -> Work:
    """Average the work of several frames."""
    fields = ('encode_flop', 'restore_flop', 'weights', 'values', 'frame_bytes')
    return Work(*(float(np.mean([getattr(work, name) for work in works])) for name in fields))


def _counted(part: Callable[..., Any], *given: Tensor, **named: Tensor) -> tuple[float, Any]:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        made = part(*given, **named)
    return counter.get_total_flops(), made


def _tensors(inputs: Inputs) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array) for name, array in inputs.items()}


def _numbers(part: nn.Module) -> int:
    return sum(parameter.numel() for parameter in part.parameters())
