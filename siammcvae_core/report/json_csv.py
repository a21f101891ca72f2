# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a report for programs to read: JSON and CSV."""

from collections.abc import Mapping, Sequence
import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from siammcvae_core.errors import InputError


def write_json(path: Path, report: Mapping[str, Any]) -> None:
    """Write a report as JSON; NaN and infinity, which JSON does not have, become null.

    Raises InputError if the file cannot be written.
    """
    write_text(path, json.dumps(_plain(report), indent=2, allow_nan=False) + '\n')


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows under the keys of the first; None, NaN and infinity become empty cells.

    Raises InputError if the file cannot be written.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator='\n')
    table.writeheader()
    table.writerows(_plain(row) for row in rows)
    write_text(path, text.getvalue())


def write_text(path: Path, text: str) -> None:
    """Write a file in UTF-8; raises InputError if it cannot be written."""
    try:
        path.write_text(text, encoding='utf-8')
    except OSError as error:
        raise InputError(f'cannot write {path}: {error.strerror}') from error


def _plain(value: Any) -> Any:
    """Turn NumPy scalars into Python's, and what is not finite into None, at any depth."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
