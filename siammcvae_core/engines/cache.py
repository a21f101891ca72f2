# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where engines keep what takes long to make, and how it is written."""

import os
from pathlib import Path
import tempfile


def cache_folder() -> Path:
    """Give the user's cache folder of this package, there or not."""
    base = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
    return Path(base).expanduser() / 'siammcvae_ros'


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, with its folder, that appears whole or not at all; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix='.')
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(content)
        os.chmod(draft, 0o644)  # mkstemp makes private files
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
