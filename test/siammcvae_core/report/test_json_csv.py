# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a report as files that every reader of JSON and CSV accepts."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from siammcvae_core.errors import InputError
from siammcvae_core.report.json_csv import write_csv, write_json


def test_json_has_null_for_what_is_not_finite(tmp_path: Path) -> None:
    path = tmp_path / 'report.json'
    write_json(path, {
        'mean': float('nan'), 'rows': [{'best': np.float32(1.5), 'worst': float('inf')}],
        'n': np.int64(3), 'exact': True,
    })  # fmt: skip
    assert json.loads(path.read_text(), parse_constant=pytest.fail) == {
        'mean': None, 'rows': [{'best': 1.5, 'worst': None}], 'n': 3, 'exact': True,
    }  # fmt: skip


def test_csv_has_empty_cells_for_what_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / 'rows.csv'
    write_csv(path, [
        {'clip': 'a, "b"', 'psnr': 31.5, 'gap': 4},
        {'clip': 'c', 'psnr': math.nan, 'gap': None},
    ])  # fmt: skip
    with path.open(newline='') as file:
        assert list(csv.DictReader(file)) == [
            {'clip': 'a, "b"', 'psnr': '31.5', 'gap': '4'},
            {'clip': 'c', 'psnr': '', 'gap': ''},
        ]


def test_an_unwritable_file_is_named_in_one_line(tmp_path: Path) -> None:
    for write, content in ((write_json, {}), (write_csv, [])):
        with pytest.raises(InputError, match=r'^cannot write .*nowhere.*$'):
            write(tmp_path / 'nowhere' / 'report', content)
