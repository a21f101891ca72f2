# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A camera that has received two intact frames."""

import pytest
from support.rig import NOTHING, Rig


@pytest.fixture
def rig():
    """Receive and observe two intact frames."""
    rig = Rig()
    for index in (0, 1):
        rig.frame(index, NOTHING)
        rig.work()
    return rig
