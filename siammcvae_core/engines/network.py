# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What computes the drive model: the seam between `DriveEngine` and the libraries that run it."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from siammcvae_core.engines.crop import Inputs

ENCODE_INPUTS = ('picture', 'place')
ENCODE_OUTPUTS = ('tokens',)
RESTORE_INPUTS = (
    'tokens', 'picture', 'place', 'visible', 'features', 'inside', 'source', 'own', 'patch',
    'active', 'spread',
)  # fmt: skip
RESTORE_OUTPUTS = ('correction', 'weights', 'colour', 'log_scale')


class Network(Protocol):
    """The parts of the drive model (see `model.drive_parts`) made ready by some library.

    A network serves one thread at a time.
    """

    patch: int

    def encode(self, inputs: Inputs) -> Any:
        """Run `encode_reference` on `ENCODE_INPUTS`; gives tokens as `restore` wants them."""

    def restore(self, tokens: Any, inputs: Inputs) -> Sequence[np.ndarray]:
        """Run `restore` on `RESTORE_INPUTS`, the tokens apart; gives float32 `RESTORE_OUTPUTS`.

        The arrays are good until the next call.
        """

    def describe(self) -> dict[str, str]:
        """Name library, weights, device and precision."""


def described(
    name: str, version: str, profile: str, weights: str, digest: str, device: str, dtype: str
) -> dict[str, str]:
    """Describe a network the way all of them do."""
    return {
        'name': name,
        'profile': profile,
        'weights': weights,
        'sha256': digest,
        'device': device,
        'dtype': dtype,
        'version': version,
    }
