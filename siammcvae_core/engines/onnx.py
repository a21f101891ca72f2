# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The drive model run by ONNX Runtime on the CPU."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from siammcvae_core.engines.crop import Inputs
from siammcvae_core.engines.network import describe_network
from siammcvae_core.engines.onnx_export import exported


class OnnxNetwork:
    """The drive model from a weights file, on as many threads as PyTorch would take.

    Raises `WeightsError` for a file that cannot serve.
    """

    def __init__(self, weights: Path) -> None:
        modules = exported(weights)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        # Threads that wait by spinning would take the cores from the rest of the robot.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        self._encode, self._restore = (
            onnxruntime.InferenceSession(module, options, providers=['CPUExecutionProvider'])
            for module in (modules.encode_reference, modules.restore)
        )
        self.patch, self.cell = modules.profile.patch, modules.profile.cell
        self._description = describe_network(
            'onnxruntime', onnxruntime.__version__, modules.profile.name, weights.name,
            modules.sha256, 'cpu', 'float32',
        )  # fmt: skip

    def describe(self) -> dict[str, str]:
        """Name library, weights, device and precision."""
        return dict(self._description)

    def encode(self, inputs: Inputs) -> np.ndarray:
        """Encode an intact frame to tokens (1, N, D')."""
        return self._encode.run(None, inputs)[0]

    def restore(self, tokens: np.ndarray, inputs: Inputs) -> Sequence[np.ndarray]:
        """Predict the damaged part of a frame."""
        return self._restore.run(None, {'reference_tokens': tokens, **inputs})
