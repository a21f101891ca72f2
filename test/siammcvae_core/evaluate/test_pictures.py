# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The cases in which a model gained least are found and drawn."""

from pathlib import Path

import numpy as np
import pytest

from siammcvae_core.data.pairs import Gap
from siammcvae_core.data.sources import open_source
from siammcvae_core.evaluate.pictures import (
    Attempt,
    draw_worst_cases,
    harder_case,
    worst_cases,
    WorstCase,
)
from siammcvae_core.evaluate.samples import choose_frames, DamagedCase, draw_cases


@pytest.fixture
def case(clips: Path) -> DamagedCase:
    source, gaps = open_source(clips / 'day'), (Gap(1),)
    chosen = choose_frames(source, 'day', gaps, 0, 1)
    return next(draw_cases(source, 'day', chosen, ('random:0.5',), gaps, (80, 96), 0))


def attempts(case: DamagedCase, **psnr: float) -> list[Attempt]:
    return [Attempt(method, case.truth, value) for method, value in psnr.items()]


def test_the_least_gain_on_the_best_of_the_others_is_kept(case: DamagedCase) -> None:
    worst: WorstCase | None = None
    for mine, copied, warped in ((30.0, 20.0, 28.0), (31.0, 32.5, 25.0), (30.0, 29.0, 30.0)):
        tried = attempts(case, drive=mine, copy=copied, const_velocity=warped, oracle=50.0)
        worst = harder_case('drive', 'day', case, tried, worst)
    assert worst is not None
    assert worst.gain == -1.5
    captions = [caption for _, caption in worst.picture.panels]
    assert captions[:4] == ['damaged', 'drive: 31.0 dB', 'copy: 32.5 dB', 'truth']


def test_alone_or_beside_an_upper_bound_nothing_is_gained(case: DamagedCase) -> None:
    alone = attempts(case, drive=30.0, oracle=40.0)
    assert harder_case('drive', 'day', case, alone, None) is None


def test_the_worst_cases_of_all_clips_are_drawn_first(case: DamagedCase) -> None:
    cases = []
    for copied in (25.0, 35.0, 20.0, 31.0, 29.0, 24.0):
        worst = harder_case('drive', 'day', case, attempts(case, drive=30.0, copy=copied), None)
        assert worst is not None
        cases.append(worst)
    shown = worst_cases(cases)
    assert [worst.gain for worst in shown] == [-5.0, -1.0, 1.0, 5.0]
    figure = draw_worst_cases(shown)
    assert len(figure.axes) == 4 * 5
    drawn = np.asarray(figure.axes[3].images[0].get_array())
    assert np.abs(drawn[..., ::-1].astype(int) - case.truth).mean() < 6  # JPEG
    assert figure.axes[2].get_title() == 'copy: 35.0 dB'
