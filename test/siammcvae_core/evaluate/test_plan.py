# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the command line asks for, and the presets of the paper."""

import math

import pytest

from siammcvae_core.commands.values import parse_size
from siammcvae_core.data.pairs import Gap
from siammcvae_core.errors import InputError
from siammcvae_core.evaluate.paper import TABLES
from siammcvae_core.evaluate.plan import EvaluationPlan, parse_masks, PRESETS


def test_masks_have_one_spelling() -> None:
    assert parse_masks('random:0.750, band:.25,full:1') == ('random:0.75', 'band:0.25', 'full')


def test_size_is_width_by_height() -> None:
    assert parse_size('640x368') == (368, 640)


@pytest.mark.parametrize('text', ['640', '640x', 'x368', '640x368x3', '-1x5', 'a x b'])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(InputError, match='expected WIDTHxHEIGHT'):
        parse_size(text)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'methods': ('copy', 'copy')}, '--methods has copy twice'),
        ({'gaps': (Gap(4), Gap(1), Gap(4))}, '--gaps has 4 twice'),
        ({'masks': ()}, '--masks is empty'),
        ({'samples': 0}, '--samples must be 1'),
        ({'seeds': (0, -1)}, '--seeds must be 0 or more'),
        ({'size': (8, 640)}, 'got 640x8'),
    ],
)
def test_plans_that_make_no_sense_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        EvaluationPlan(**changes)  # type: ignore[arg-type]


def test_presets_run_what_the_paper_prints_with_three_seeds() -> None:
    assert set(PRESETS) == {
        'table 1', 'table 2', 'table 3', 'table 4', 'figure 2', 'figure 3', 'figure 4'
    }  # fmt: skip
    for preset in PRESETS.values():
        assert len(preset.plan.seeds) >= 3
        assert {line.method for line in preset.printed} <= set(preset.plan.methods)
    assert PRESETS['figure 2'].plan.masks[0] == 'random:0.45'
    assert PRESETS['figure 2'].plan.masks[-1] == 'random:0.9'
    assert 'copy' in PRESETS['table 1'].plan.methods


def test_the_paper_prints_its_best_row_in_every_table() -> None:
    for table in TABLES.values():
        best = max(table, key=lambda line: line.psnr)
        assert (best.mse, best.mae, best.psnr, best.ssim, best.fsim_ism) == (
            123.01, 5.49, 27.90, 0.841, 0.712
        )  # fmt: skip
        # The printed PSNR is a mean over images, so a little above that of the mean MSE (A28).
        for line in table:
            assert 0.5 < line.psnr - 10 * math.log10(255**2 / line.mse) < 0.8
