# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a camera still holds of the frames before, for the faults that show it."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class Past:
    """The frame before, uint8 of the coming frame's shape; None where there is none.

    captured: as it was before any fault. delivered: as it left the camera. Both are held by
    reference and not written to. kept: what the fault that strikes left here at the last frame of
    the same burst, None at a burst's first frame.
    """

    captured: np.ndarray | None = None
    delivered: np.ndarray | None = None
    kept: Any = None
