# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The table of sizes: counts against arithmetic."""

import pytest

from siammcvae_core.baselines import sizes
from siammcvae_core.baselines.catalogue import LEARNED_BASELINES
from siammcvae_core.baselines.mae import MAEProfile


def test_operations_are_those_of_the_matrix_products() -> None:
    profile = MAEProfile('x', 32, 1, 2, 16, 1, 2, patch=8, size=(32, 32))
    row = sizes.size_of('mae', profile, 0.75, None)

    def block(tokens: int, width: int) -> int:
        return tokens * (4 + 8) * width**2 + 2 * tokens**2 * width

    pixels = 8 * 8 * 3
    encoder = 4 * pixels * 32 + block(1 + 4, 32)
    decoder = 5 * 32 * 16 + block(1 + 16, 16) + 16 * 16 * pixels
    assert row.operations == 2 * (encoder + decoder)
    assert row.references == 0


def test_the_table_has_every_system(capsys: pytest.CaptureFixture[str]) -> None:
    sizes.main(['tiny'])
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ['system', 'profile', 'references', 'parameters', 'GFLOP']
    assert [row.split()[0] for row in rows] == ['siammcvae', *LEARNED_BASELINES]
    assert all(float(row.split()[-1]) > 0.1 for row in rows)
