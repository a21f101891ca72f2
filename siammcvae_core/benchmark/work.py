# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The work of restoring a frame, counted: operations of the network, bytes to be touched.

Operations are those of matrix products and convolutions (a multiply-add is two), counted by PyTorch
while the network runs. Bytes are the least that any implementation has to touch: weights, inputs
and outputs of the network, and the frames.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
import math
from pathlib import Path

import numpy as np
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from siammcvae_core.engines.crop import Inputs
from siammcvae_core.engines.drive import DriveEngine
from siammcvae_core.engines.drive_torch import TorchNetwork
from siammcvae_core.evaluate.samples import DamagedCase

BYTES = {'float32': 4, 'bfloat16': 2, 'float16': 2}


@dataclass(frozen=True)
class Workload:
    """Work per frame.

    Operations to encode a reference and to restore a frame; how many numbers there are in the
    weights, and in the inputs and outputs of the network; bytes of the frames.
    """

    encode_flop: float
    restore_flop: float
    weights: float
    values: float
    frame_bytes: float

    def network_bytes(self, dtype: str) -> float:
        """Bytes that the network touches at least to restore a frame."""
        return (self.weights + self.values) * BYTES.get(dtype, math.nan)

    def bytes(self, dtype: str) -> float:
        """Bytes of weights and frames."""
        return self.weights * BYTES.get(dtype, math.nan) + self.frame_bytes


class CountingNetwork(TorchNetwork):
    """PyTorch that counts the operations, inputs and outputs of its last calls."""

    def __init__(self, weights: Path) -> None:
        # Written-out attention: PyTorch's counter does not know every fused kernel.
        super().__init__(weights, kernel='standard')
        self.encode_flop = self.restore_flop = self.values = 0

    def encode(self, inputs: Inputs) -> Tensor:
        """Encode an intact frame to tokens (1, N, D')."""
        with FlopCounterMode(display=False) as counter:
            tokens = super().encode(inputs)
        self.encode_flop = counter.get_total_flops()
        return tokens

    def restore(self, tokens: Tensor, inputs: Inputs) -> Sequence[np.ndarray]:
        """Predict the damaged part of a frame."""
        with FlopCounterMode(display=False) as counter:
            outputs = super().restore(tokens, inputs)
        self.restore_flop = counter.get_total_flops()
        self.values = tokens.numel() + sum(array.size for array in (*inputs.values(), *outputs))
        return outputs


class WorkCounter:
    """Counts the work of the drive model in a weights file; raises `WeightsError`."""

    def __init__(self, weights: Path) -> None:
        self._network = CountingNetwork(weights)
        self._engine = DriveEngine(weights, lambda _: self._network)

    def count(self, case: DamagedCase) -> Workload:
        """Count the work of restoring a case."""
        self._engine.restore(case.references(), case.frame, case.mask, case.stamp)
        network = self._network
        frames = 4  # the newest two references, the damaged frame and the restored one
        return Workload(
            network.encode_flop, network.restore_flop, network.parameter_count, network.values,
            frames * case.frame.nbytes + case.mask.nbytes,
        )  # fmt: skip


def mean(workloads: list[Workload]) -> Workload:
    """Average the work of several frames."""
    return Workload(*np.mean([astuple(workload) for workload in workloads], 0).tolist())
