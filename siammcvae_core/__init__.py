# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Restoration of damaged camera frames: model, restorer, faults, data and metrics, without ROS.

The names below are the whole of it for most users. They are imported when first asked for, so that
the package itself costs nothing: no PyTorch, OpenCV or NumPy before they are needed.
"""

from importlib import import_module
import os
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from siammcvae_core.engines.factory import load_engine
    from siammcvae_core.restore.restored_frame import RestoredFrame, RestoreMethod
    from siammcvae_core.restore.restorer import Restorer

__all__ = ['RestoreMethod', 'RestoredFrame', 'Restorer', 'load_engine']

LARGEST = 8192 * 4320
"""Pixels that a frame may have: 8K."""

# A picture of a few bytes may claim more than any memory holds. OpenCV accepts up to a billion
# pixels, unless the environment says otherwise before it is imported.
os.environ.setdefault('OPENCV_IO_MAX_IMAGE_PIXELS', str(LARGEST))

if not TYPE_CHECKING:  # type checkers see the imports above instead, and find misspelt names
    _MODULES = {
        'load_engine': 'siammcvae_core.engines.factory',
        'RestoreMethod': 'siammcvae_core.restore.restored_frame',
        'RestoredFrame': 'siammcvae_core.restore.restored_frame',
        'Restorer': 'siammcvae_core.restore.restorer',
    }

    def __getattr__(name: str) -> Any:
        """Import a name of `__all__` from where it is defined."""
        if name not in _MODULES:
            raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
        return getattr(import_module(_MODULES[name]), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
