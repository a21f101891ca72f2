# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What lies in a folder, without what desktops and archivers leave there."""

from pathlib import Path
import re

LEFT_BEHIND = {'thumbs.db', 'desktop.ini', '__macosx', '@eadir'}


def is_left_behind(name: str) -> bool:
    """Tell whether a file or folder is hidden or of a desktop: `._a.png`, `.DS_Store`, `Thumbs.db`.

    >>> is_left_behind('._img_0001.png'), is_left_behind('__MACOSX'), is_left_behind('0001.png')
    (True, True, False)
    """
    return name.startswith('.') or name.lower() in LEFT_BEHIND


def visible(folder: Path) -> list[Path]:
    """List a folder in natural order, 2.png before 10.png, without what is left behind."""
    return sorted((e for e in folder.iterdir() if not is_left_behind(e.name)), key=natural_order)


def natural_order(file: Path) -> list[tuple[int, str]]:
    """Return the key that sorts file names by the numbers in them."""
    parts = re.split(r'(\d+)', file.name)
    return [(int(part), '') if part.isdecimal() else (-1, part) for part in parts]
