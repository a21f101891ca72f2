# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Chooses and loads the engine for weights on this machine."""

from functools import partial
from importlib.util import find_spec
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from siammcvae_core.engines import Engine
from siammcvae_core.engines.engine_cache import BuildPolicy
from siammcvae_core.errors import InputError, WeightsError
from siammcvae_core.files import expand_user

if TYPE_CHECKING:  # torch is imported where there are weights
    import torch

SHIPPED = Path(__file__).parents[1] / 'weights'
"""Folder of the weights in the package."""
NONE = 'none'
"""Stands for no model."""
DRIVE = 'drive'
"""Name of the weights in the package that serve by default."""

_log = logging.getLogger(__name__)


def load_engine(
    weights: str | Path | None, policy: BuildPolicy = BuildPolicy.BUILD_IF_MISSING
) -> Engine | None:
    """Load the fastest engine for a weights file, on a GPU where there is one, else on the CPU.

    Args:
        weights: A weights file, or the name of weights in the package, such as 'drive', or 'none'
            for no model. None and '' mean 'drive', but 'none' where PyTorch is not installed.
        policy: Whether engines for the GPU may be built, which takes seconds to minutes.

    Returns:
        The engine; None for no model, without importing PyTorch.

    Raises:
        WeightsError: With the path, for a file that cannot serve, or without PyTorch.
        InputError: Where `policy` allows no build and an engine for the GPU is missing.

    """
    if weights == NONE or not (weights or (shipped(DRIVE) and find_spec('torch'))):
        return None
    path = find_weights(weights or DRIVE)
    try:
        import torch
    except ModuleNotFoundError as error:
        raise WeightsError(f'{path}: needs PyTorch; install it with: pip install torch') from error
    if torch.cuda.is_available():
        try:
            return _on_gpu(path, policy)
        except InputError:
            raise
        except Exception as error:
            _log.warning('the CPU serves, not the GPU: %s: %s', type(error).__name__, error)
    if not _of_drive(path):
        return load_torch_engine(path, 'cpu', torch.float32)
    from siammcvae_core.engines.cpu import FastestEngine

    return FastestEngine(path)


def _on_gpu(path: Path, policy: BuildPolicy) -> Engine:
    import torch

    if not _of_drive(path):
        return load_torch_engine(path, 'cuda', torch.float16)
    from siammcvae_core.engines.gpu import FastestGpuEngine

    return FastestGpuEngine(path, policy)


def load_torch_engine(path: Path, device: str, dtype: 'torch.dtype') -> Engine:
    """Load PyTorch's engine for a weights file, in one precision; raises `WeightsError`."""
    from siammcvae_core.engines.drive import DriveEngine
    from siammcvae_core.engines.drive_torch import TorchNetwork
    from siammcvae_core.engines.torch import TorchEngine

    if not _of_drive(path):
        return TorchEngine(path, device, dtype)
    return DriveEngine(path, partial(TorchNetwork, device=device, dtype=dtype))


def _of_drive(path: Path) -> bool:
    from siammcvae_core.model.checkpoint import stored_system
    from siammcvae_core.model.profiles import DriveProfile

    return stored_system(path) == DriveProfile.system


def find_weights(weights: str | Path) -> Path:
    """Find a weights file: one in the package by its name, such as 'drive', else one by its path.

    Raises WeightsError where there is none; what could be a name is answered with those there are.
    """
    text = str(weights)
    try:
        path = shipped(text) or expand_user(weights)
        if path.is_file():
            return path
    except OSError as error:
        raise WeightsError(f'{text[:80]}: {error.strerror}') from error
    names = '' if '/' in text or '.' in text else f'; in the package: {", ".join(names_shipped())}'
    raise WeightsError(f'{path}: no such weights file{names}')


def shipped(name: str) -> Path | None:
    """Find the weights of a name in the package, such as 'drive'; None without any."""
    path = SHIPPED / f'{name}.safetensors'
    return path if Path(name).name == name and path.is_file() else None


def names_shipped() -> list[str]:
    """List the names of the weights in the package."""
    return sorted(path.stem for path in SHIPPED.glob('*.safetensors'))
