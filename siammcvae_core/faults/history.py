# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The earlier frames and state of a camera, for faults that depend on them."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class CameraHistory:
    """The frame before, uint8 of the coming frame's shape; None where there is none.

    captured: as it was before any fault. delivered: as it left the camera. Both are held by
    reference and not written to. state: what the present fault stored here at the last frame of the
    same burst, None at a burst's first frame.
    """

    captured: np.ndarray | None = None
    delivered: np.ndarray | None = None
    state: Any = None
