# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the user chose for frames that cannot be restored, have no mask or do not come."""

from dataclasses import dataclass
from enum import Enum


class OnFailure(str, Enum):
    """What happens to a frame that cannot be restored."""

    PASSTHROUGH = 'passthrough'
    DROP = 'drop'


class MissingMask(str, Enum):
    """What a frame that came without a mask is taken for while masks are published."""

    INTACT = 'intact'
    UNKNOWN = 'unknown'


@dataclass
class FramePolicy:
    """Choices of the user that may change while the node is active."""

    on_failure: OnFailure = OnFailure.PASSTHROUGH
    missing_mask: MissingMask = MissingMask.INTACT
    model_budget: float = 0.0
    """Seconds the model may take for a frame; 0 is the interval between frames."""
    conceal_missing: bool = False
    """Whether frames that do not come are predicted from earlier ones."""
