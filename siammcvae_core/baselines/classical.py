# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The classical baselines by name: restoration without training.

All share one signature, `baseline(references, frame, mask, stamp)`: the intact frames, the damaged
frame of their shape, bool (H, W) True where lost, its stamp in seconds. They return a frame that is
valid where `mask` is True; the caller pastes it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from siammcvae_core.baselines.block_matching import block_match
from siammcvae_core.baselines.flow_filling import oracle, visible_flow
from siammcvae_core.baselines.inpainting import navier_stokes, telea
from siammcvae_core.motion.references import References
from siammcvae_core.restore.fallbacks import copy, mean_velocity


def const_velocity(
    references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
) -> np.ndarray:
    """Warp the newest intact frame along the motion of the last two, continued to `stamp`.

    Raises ValueError without two frames of different stamps.
    """
    return mean_velocity(references.newest(2), frame, mask, stamp)


Baseline = Callable[[References, np.ndarray, np.ndarray, float], np.ndarray]

BASELINES: Mapping[str, Baseline] = MappingProxyType(
    {
        'copy': copy,
        'const_velocity': const_velocity,
        'mean_velocity': mean_velocity,
        'visible_flow': visible_flow,
        'block_match': block_match,
        'telea': telea,
        'navier_stokes': navier_stokes,
        'oracle': oracle,
    }
)
"""By name; all but the UPPER_BOUNDS are causal and can be chosen for restoration."""

UPPER_BOUNDS = ('oracle',)
"""These are called with the undamaged frame instead of the damaged one."""
