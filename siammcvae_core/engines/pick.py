# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which engine serves, given what the user has."""

from pathlib import Path

from siammcvae_core.engines import Engine
from siammcvae_core.errors import WeightsError


def pick(weights: str | Path | None) -> Engine | None:
    """Load the engine for a weights file, on the GPU where there is one; None for no weights.

    Without weights nothing heavy is imported. Raises `WeightsError` with the path for a file that
    cannot serve, and where PyTorch is not installed.
    """
    if not weights:
        return None
    path = Path(weights).expanduser()
    if not path.is_file():
        raise WeightsError(f'{path}: no such weights file')
    try:
        import torch

        from siammcvae_core.engines.torch import TorchEngine
    except ModuleNotFoundError as error:
        if error.name != 'torch':
            raise
        raise WeightsError(f'{path}: needs PyTorch; install it with: pip install torch') from error
    if torch.cuda.is_available():
        return TorchEngine(path, 'cuda', torch.float16)
    return TorchEngine(path)
