# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of the detector share."""

import numpy as np
import pytest
from support.damaged_drive import render_drive


@pytest.fixture(scope='package')
def drive() -> list[np.ndarray]:
    """Render a drive as a camera delivers it: with noise."""
    return render_drive()
