# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fastest way to compute the drive model on this GPU, found by trying at every start."""

from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

import torch

from siammcvae_core.engines.autotune import compare, fastest, Make
from siammcvae_core.engines.drive import DriveEngine
from siammcvae_core.engines.drive_torch import TorchNetwork
from siammcvae_core.engines.engine_cache import BuildPolicy
from siammcvae_core.engines.tensorrt import LIBRARIES, TensorRtNetwork


class FastestGpuEngine(DriveEngine):
    """The drive model from a weights file, by the fastest way that agrees with PyTorch.

    `policy` says whether TensorRT may build engines; where it cannot serve, a warning says why.
    Raises `WeightsError` for a file that cannot serve, and what PyTorch raises where it fails.
    """

    def __init__(self, weights: Path, policy: BuildPolicy = BuildPolicy.BUILD_IF_MISSING) -> None:
        # What was tried serves: to make it again might mean to build it again.
        found = {way: cache(make) for way, make in ways(policy).items()}
        self._tried = compare(weights, found)
        super().__init__(weights, found[fastest(self._tried).way])

    def describe(self) -> dict[str, str]:
        """Name the engine, its weights and where it runs, and say why it is this one."""
        tried = ', '.join(map(str, self._tried))
        lacks = '' if _library() else f'; neither {" nor ".join(LIBRARIES)} installed'
        return {**super().describe(), 'choice': f'fastest of {tried}{lacks}'}


def ways(policy: BuildPolicy) -> dict[str, Make]:
    """List the ways there are, the one that decides what is right first."""
    found: dict[str, Make] = {
        'torch float16': partial(TorchNetwork, device='cuda', dtype=torch.float16)
    }
    if library := _library():
        found[f'{library} float16'] = partial(TensorRtNetwork, policy=policy)
    return found


def _library() -> str:
    """Name the library that is installed, '' without any."""
    return next((name for name in LIBRARIES if find_spec(name)), '')
