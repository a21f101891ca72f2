# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Engines run a trained model on NumPy frames; all follow one protocol."""

from collections.abc import Callable
from dataclasses import dataclass
import os
import sys
from typing import Any, Protocol

import numpy as np

from siammcvae_core.motion.references import References

# ONNX Runtime and OpenVINO send telemetry unless disabled before they are imported.
os.environ.setdefault('ORT_DISABLE_TELEMETRY', '1')
sys.modules.setdefault('openvino_telemetry', None)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Restoration:
    """A restored frame, valid where pixels were lost.

    `frame` is a new array of the damaged frame's shape and type; `expected_error()` computes the
    expected absolute error in grey levels, float32 (H, W), and is None for a model that does not
    estimate it.
    """

    frame: np.ndarray
    expected_error: Callable[[], np.ndarray] | None = None


class Engine(Protocol):
    """A model ready to restore frames: uint8 (H, W, 3) BGR or (H, W) grey, of any size.

    `patch` is the side of its patches in pixels of its working size; `references` the number of
    reference frames it needs. `eager` is True where every intact frame may be encoded in advance,
    as on a GPU; on a CPU a stream without damage shall cost nothing.
    """

    patch: int
    references: int
    eager: bool

    def encode_reference(self, frame: np.ndarray) -> Any:
        """Encode an intact frame, once, for any number of `restore` calls."""

    def restore(
        self, references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
    ) -> Restoration:
        """Restore a frame from references of its shape, encoding those not yet encoded.

        `mask` is bool (H, W), True where lost; lost pixels of `frame` have no influence. `stamp` in
        seconds. The caller copies intact pixels, see `frames.paste`.
        """

    def describe(self) -> dict[str, str]:
        """Name the engine, its weights and where it runs, for reports and diagnostics."""
