# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The drive model computed by PyTorch, on the CPU or a GPU."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from siammcvae_core.engines.crop import Inputs
from siammcvae_core.engines.network import described
from siammcvae_core.files import sha256
from siammcvae_core.model.checkpoint import load_model
from siammcvae_core.model.drive import DriveMCVAE
from siammcvae_core.model.drive_export import EncodeReference, RestorePart
from siammcvae_core.model.profiles import DriveProfile


class TorchNetwork:
    """The drive model from a weights file, mixed precision unless `dtype` is float32.

    `compiled` asks for torch.compile: the first calls then take minutes and need a C++ compiler.
    Raises `WeightsError` for a file that cannot serve.
    """

    def __init__(
        self,
        weights: Path,
        device: str = 'cpu',
        dtype: torch.dtype = torch.float32,
        compiled: bool = False,
    ) -> None:
        model = load_model(weights, DriveMCVAE, DriveProfile).to(device)
        self._encode, self._restore = EncodeReference(model), RestorePart(model)
        if compiled:
            self._encode.compile(dynamic=True)
            self._restore.compile(dynamic=True)
        self._device = torch.device(device)
        self._dtype = dtype
        self.patch = model.profile.patch
        precision = str(dtype).removeprefix('torch.')
        self._described = described(
            'torch', torch.__version__, model.profile.name, weights.name, sha256(weights), device,
            precision,
        )  # fmt: skip

    def describe(self) -> dict[str, str]:
        """Name library, weights, device and precision."""
        return dict(self._described)

    @torch.inference_mode()
    def encode(self, inputs: Inputs) -> Tensor:
        """Encode an intact frame to tokens (1, N, D')."""
        with self._precision():
            return self._encode(**self._tensors(inputs))

    @torch.inference_mode()
    def restore(self, tokens: Tensor, inputs: Inputs) -> Sequence[np.ndarray]:
        """Judge the damaged part of a frame."""
        with self._precision():
            predict = self._restore(tokens, **self._tensors(inputs))
        return [plane.float().cpu().numpy() for plane in predict]

    def _tensors(self, inputs: Inputs) -> dict[str, Tensor]:
        return {name: torch.from_numpy(array).to(self._device) for name, array in inputs.items()}

    def _precision(self) -> torch.autocast:
        half = self._dtype != torch.float32
        return torch.autocast(self._device.type, self._dtype if half else None, enabled=half)
