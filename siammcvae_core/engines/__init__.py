# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Engines run a trained model on numpy frames; all answer to one protocol."""

from typing import Any, Protocol

import numpy as np


class Engine(Protocol):
    """A model ready to restore frames: uint8 (H, W, 3) BGR or (H, W) grey, of any size.

    `patch` is the side of its patches in pixels of its working size.
    """

    patch: int

    def encode_reference(self, frame: np.ndarray) -> Any:
        """Prepare an intact frame, once, for any number of `restore` calls."""

    def restore(self, reference: Any, frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Restore a frame from a prepared reference of the same size.

        `mask` is bool (H, W), True where lost; lost pixels of `frame` have no influence. Returns a
        new frame like `frame`, meaningful where lost: pasting intact pixels is the caller's.
        """

    def describe(self) -> dict[str, str]:
        """Name the engine, its weights and where it runs, for reports and diagnostics."""
