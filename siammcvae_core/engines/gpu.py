# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fastest way to run the drive model on this GPU, found by trying at every start."""

from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

import torch

from siammcvae_core.engines.autotune import BuildNetwork, fastest, try_candidates
from siammcvae_core.engines.drive import DriveEngine
from siammcvae_core.engines.drive_torch import TorchNetwork
from siammcvae_core.engines.engine_cache import BuildPolicy
from siammcvae_core.engines.tensorrt import LIBRARIES, TensorRtNetwork


class FastestGpuEngine(DriveEngine):
    """The drive model from a weights file, by the fastest library that agrees with PyTorch.

    `policy` says whether TensorRT may build engines; where it cannot serve, a warning says why.
    Raises `WeightsError` for a file that cannot serve, and what PyTorch raises where it fails.
    """

    def __init__(self, weights: Path, policy: BuildPolicy = BuildPolicy.BUILD_IF_MISSING) -> None:
        # The network that was tried serves: loading it again could mean building it again.
        networks = {name: cache(build) for name, build in candidates(policy).items()}
        self._trials = try_candidates(weights, networks)
        super().__init__(weights, networks[fastest(self._trials).candidate])

    def describe(self) -> dict[str, str]:
        """Name the engine, its weights and where it runs, and say why it was chosen."""
        trials = ', '.join(map(str, self._trials))
        lacks = '' if _library() else f'; neither {" nor ".join(LIBRARIES)} installed'
        return {**super().describe(), 'choice': f'fastest of {trials}{lacks}'}


def candidates(policy: BuildPolicy) -> dict[str, BuildNetwork]:
    """List the networks that can be loaded here by name, the standard of comparison first."""
    networks: dict[str, BuildNetwork] = {
        'torch float16': partial(TorchNetwork, device='cuda', dtype=torch.float16)
    }
    if library := _library():
        networks[f'{library} float16'] = partial(TensorRtNetwork, policy=policy)
    return networks


def _library() -> str:
    """Name the library that is installed, '' without any."""
    return next((name for name in LIBRARIES if find_spec(name)), '')
