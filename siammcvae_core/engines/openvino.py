# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The drive model computed by OpenVINO on the CPU."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino
import torch

from siammcvae_core.engines.crop import Inputs
from siammcvae_core.engines.network import described, RESTORE_OUTPUTS
from siammcvae_core.engines.onnx_export import exported

HINTS = {'float32': 'f32', 'bfloat16': 'bf16'}


class OpenVinoNetwork:
    """The drive model from a weights file, on as many threads as PyTorch would take.

    `dtype` is float32 or bfloat16, see `precisions`. Raises `WeightsError` for a file that cannot
    serve.
    """

    def __init__(self, weights: Path, dtype: str = 'float32') -> None:
        parts = exported(weights)
        settings = {
            'INFERENCE_PRECISION_HINT': HINTS[dtype],
            'INFERENCE_NUM_THREADS': torch.get_num_threads(),
            'NUM_STREAMS': 1,
            'ENABLE_CPU_PINNING': False,
        }
        core = openvino.Core()
        self._encode, self._restore = (
            core.compile_model(core.read_model(part), 'CPU', settings).create_infer_request()
            for part in (parts.encode_reference, parts.restore)
        )
        self.patch = parts.profile.patch
        self._described = described(
            'openvino', openvino.get_version(), parts.profile.name, weights.name, parts.sha256,
            'cpu', dtype,
        )  # fmt: skip

    def describe(self) -> dict[str, str]:
        """Name library, weights, device and precision."""
        return dict(self._described)

    def encode(self, inputs: Inputs) -> np.ndarray:
        """Encode an intact frame to tokens (1, N, D')."""
        return self._encode.infer(inputs, share_inputs=True)['tokens']

    def restore(self, tokens: np.ndarray, inputs: Inputs) -> Sequence[np.ndarray]:
        """Judge the damaged part of a frame."""
        given = {'tokens': tokens, **inputs}
        predict = self._restore.infer(given, share_inputs=True, share_outputs=True)
        return [predict[name] for name in RESTORE_OUTPUTS]


def precisions() -> list[str]:
    """List the precisions that this CPU computes natively."""
    able = openvino.Core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
    return ['float32', *(['bfloat16'] if 'BF16' in able else [])]
