# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The drive model run by PyTorch, on the CPU or a GPU."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from siammcvae_core.engines.crop import Inputs
from siammcvae_core.engines.network import describe_network
from siammcvae_core.files import sha256
from siammcvae_core.model.checkpoint import load_model
from siammcvae_core.model.drive import DriveMCVAE
from siammcvae_core.model.drive_export import EncodeReference, RestoreCrop
from siammcvae_core.model.profiles import DriveProfile


class TorchNetwork:
    """The drive model from a weights file, mixed precision unless `dtype` is float32.

    `compiled` is for torch.compile: the first calls then take minutes and need a C++ compiler.
    `kernel` chooses how attention is computed, see `vit.attend`.
    Raises `WeightsError` for a file that cannot serve.
    """

    def __init__(
        self,
        weights: Path,
        device: str = 'cpu',
        dtype: torch.dtype = torch.float32,
        compiled: bool = False,
        kernel: str = 'adaptive',
    ) -> None:
        model = load_model(weights, DriveMCVAE, DriveProfile, kernel=kernel).to(device)
        self._encode, self._restore = EncodeReference(model), RestoreCrop(model)
        if compiled:
            self._encode.compile(dynamic=True)
            self._restore.compile(dynamic=True)
        self._device = torch.device(device)
        self._dtype = dtype
        self.patch, self.cell = model.profile.patch, model.profile.cell
        self.parameter_count = sum(parameter.numel() for parameter in model.parameters())
        precision = str(dtype).removeprefix('torch.')
        self._description = describe_network(
            'torch', torch.__version__, model.profile.name, weights.name, sha256(weights), device,
            precision,
        )  # fmt: skip

    def describe(self) -> dict[str, str]:
        """Name library, weights, device and precision."""
        return dict(self._description)

    @torch.inference_mode()
    def encode(self, inputs: Inputs) -> Tensor:
        """Encode an intact frame to tokens (1, N, D')."""
        with self._precision():
            return self._encode(**self._tensors(inputs))

    @torch.inference_mode()
    def restore(self, tokens: Tensor, inputs: Inputs) -> Sequence[np.ndarray]:
        """Predict the damaged part of a frame."""
        with self._precision():
            outputs = self._restore(tokens, **self._tensors(inputs))
        return [output.float().cpu().numpy() for output in outputs]

    def _tensors(self, inputs: Inputs) -> dict[str, Tensor]:
        return {name: torch.from_numpy(array).to(self._device) for name, array in inputs.items()}

    def _precision(self) -> torch.autocast:
        half = self._dtype != torch.float32
        return torch.autocast(self._device.type, self._dtype if half else None, enabled=half)
