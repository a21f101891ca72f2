# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The drive model run by OpenVINO on the CPU."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino
import torch

from siammcvae_core.engines.crop import Inputs
from siammcvae_core.engines.network import describe_network, RESTORE_OUTPUTS
from siammcvae_core.engines.onnx_export import exported

HINTS = {'float32': 'f32', 'bfloat16': 'bf16'}


class OpenVinoNetwork:
    """The drive model from a weights file, on as many threads as PyTorch would take.

    `dtype` is float32 or bfloat16, see `precisions`. Raises `WeightsError` for a file that cannot
    serve.
    """

    def __init__(self, weights: Path, dtype: str = 'float32') -> None:
        modules = exported(weights)
        settings = {
            'INFERENCE_PRECISION_HINT': HINTS[dtype],
            'INFERENCE_NUM_THREADS': torch.get_num_threads(),
            'NUM_STREAMS': 1,
            'ENABLE_CPU_PINNING': False,
        }
        core = openvino.Core()
        self._encode, self._restore = (
            core.compile_model(core.read_model(module), 'CPU', settings).create_infer_request()
            for module in (modules.encode_reference, modules.restore)
        )
        self.patch, self.cell = modules.profile.patch, modules.profile.cell
        self._description = describe_network(
            'openvino', openvino.get_version(), modules.profile.name, weights.name, modules.sha256,
            'cpu', dtype,
        )  # fmt: skip

    def describe(self) -> dict[str, str]:
        """Name library, weights, device and precision."""
        return dict(self._description)

    def encode(self, inputs: Inputs) -> np.ndarray:
        """Encode an intact frame to tokens (1, N, D')."""
        return self._encode.infer(inputs, share_inputs=True)['reference_tokens']

    def restore(self, tokens: np.ndarray, inputs: Inputs) -> Sequence[np.ndarray]:
        """Predict the damaged part of a frame."""
        named = {'reference_tokens': tokens, **inputs}
        outputs = self._restore.infer(named, share_inputs=True, share_outputs=True)
        return [outputs[name] for name in RESTORE_OUTPUTS]


def precisions() -> list[str]:
    """List the precisions that this CPU computes natively."""
    capabilities = openvino.Core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
    return ['float32', *(['bfloat16'] if 'BF16' in capabilities else [])]
