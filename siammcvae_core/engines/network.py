# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a library has to offer to run the network of the drive model."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from siammcvae_core.engines.crop import Inputs

ENCODE_INPUTS = ('patches', 'patch_positions')
ENCODE_OUTPUTS = ('reference_tokens',)
RESTORE_INPUTS = (
    'reference_tokens', 'patches', 'patch_positions', 'patch_is_visible', 'features',
    'inside_frame', 'reference_index', 'patch_index', 'crop_index', 'token_is_active',
    'token_index',
)  # fmt: skip
RESTORE_OUTPUTS = ('correction', 'weights', 'colour', 'log_scale')


class Network(Protocol):
    """The two modules of `model.drive_export`, loaded by a library.

    A network serves one thread at a time. `patch` and `cell` are the sides of those in pixels.
    """

    patch: int
    cell: int

    def encode(self, inputs: Inputs) -> Any:
        """Run `EncodeReference` on `ENCODE_INPUTS`; returns the tokens as `restore` takes them."""

    def restore(self, tokens: Any, inputs: Inputs) -> Sequence[np.ndarray]:
        """Run `RestoreCrop` on `RESTORE_INPUTS`; returns `RESTORE_OUTPUTS` in float32.

        `tokens` come from `encode` and are not among the `inputs`. The next call may overwrite the
        arrays that are returned.
        """

    def describe(self) -> dict[str, str]:
        """Name library, weights, device and precision."""


def describe_network(
    name: str, version: str, profile: str, weights: str, digest: str, device: str, dtype: str
) -> dict[str, str]:
    """Describe a network by the keys that all of them use."""
    return {
        'name': name,
        'profile': profile,
        'weights': weights,
        'sha256': digest,
        'device': device,
        'dtype': dtype,
        'version': version,
    }
