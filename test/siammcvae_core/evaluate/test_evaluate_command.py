# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The evaluate command: rows that can be checked by hand, the same for any number of processes."""

from concurrent.futures import Future, ProcessPoolExecutor
import csv
import json
import os
from pathlib import Path
import re
import shutil
from typing import Any

import cv2
import numpy as np
import pytest

from siammcvae_core.baselines import classical
from siammcvae_core.commands import jobs
from siammcvae_core.data.layouts import find_clips
from siammcvae_core.data.pairs import Gap
from siammcvae_core.data.sources import open_source
from siammcvae_core.evaluate.__main__ import main
from siammcvae_core.evaluate.samples import choose_frames, draw_cases
from siammcvae_core.frames import paste
from siammcvae_core.metrics import psnr, ssim
from siammcvae_core.simulation.drive import DriveSim

SIZE = (128, 96)
TIMES = ('ms', 'ms_observe')


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Render two short drives, and a clip too short for any gap."""
    folder = tmp_path_factory.mktemp('data')
    for name, frames, night in (('day', 14, False), ('night', 14, True), ('short', 3, False)):
        (folder / name).mkdir()
        for frame in DriveSim(SIZE, frames=frames, night=night):
            cv2.imwrite(str(folder / name / f'{frame.index}.png'), frame.image)
    return folder


def arguments(data: Path, out: Path, *more: str) -> list[str]:
    return [
        '--data', str(data), '--out', str(out), '--methods', 'copy,const_velocity,oracle',
        '--masks', 'random:0.5,full', '--gaps', '1,3', '--size', '96x64', '--seeds', '0,4',
        '--samples', '2', '--jobs', '1', *more,
    ]  # fmt: skip


@pytest.fixture(scope='module')
def report(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp('out') / 'deep' / 'report'
    assert main(arguments(data, out)) == 0
    return out


def rows(out: Path) -> list[dict[str, Any]]:
    return json.loads((out / 'report.json').read_text())['rows']


def test_every_cell_is_filled(report: Path) -> None:
    entries = rows(report)
    cells = {(r['method'], r['mask'], r['ratio'], r['gap'], r['clip']) for r in entries}
    assert cells == {
        (method, mask, ratio, gap, clip)
        for method in ('copy', 'const_velocity', 'oracle')
        for mask, ratio in (('random', 0.5), ('full', 1.0))
        for gap in (1, 3)
        for clip in ('all', 'day', 'night')
    }
    for row in entries:
        assert row['n'] == (8 if row['clip'] == 'all' else 4)
        for key in ('mse', 'mae', 'psnr', 'ssim', 'fsim', 'fsim_ism', 'psnr_lost', 'ms'):
            assert isinstance(row[key], float)
        assert row['psnr_low'] <= row['psnr'] <= row['psnr_high']
    for mask in ('random', 'full'):
        totals = [row for row in entries if (row['mask'], row['clip']) == (mask, 'all')]
        best = {row['method']: row['psnr_lost'] for row in totals}
        assert best['copy'] < best['const_velocity'] < best['oracle']


def test_rows_can_be_made_by_hand(report: Path, data: Path) -> None:
    clip = next(clip for clip in find_clips(str(data)) if clip.name == 'night')
    gaps = (Gap(1), Gap(3))
    scores: list[tuple[float, float, float]] = []
    for seed in (0, 4):
        source = open_source(clip.path)
        chosen = choose_frames(source, clip.name, gaps, seed, 2)
        for case in draw_cases(source, clip.name, chosen, ('random:0.5',), gaps, (64, 96), seed):
            if case.gap == gaps[1]:
                given = case.references(), case.frame, case.mask, case.stamp
                pasted = paste(case.frame, classical.const_velocity(*given), case.mask)
                lost = psnr(pasted, case.truth, case.mask)
                scores.append((psnr(pasted, case.truth), ssim(pasted, case.truth), lost))
    row = next(
        r for r in rows(report)
        if (r['method'], r['mask'], r['gap'], r['clip']) == ('const_velocity', 'random', 3, 'night')
    )  # fmt: skip
    assert [row['psnr'], row['ssim'], row['psnr_lost']] == pytest.approx(np.mean(scores, axis=0))


def test_csv_holds_the_same_rows(report: Path) -> None:
    with (report / 'report.csv').open(newline='') as file:
        table = list(csv.DictReader(file))
    entries = rows(report)
    assert len(table) == len(entries)
    assert [float(line['psnr']) for line in table] == [row['psnr'] for row in entries]
    assert list(table[0]) == list(entries[0])


def test_numbers_do_not_depend_on_the_number_of_processes(
    report: Path, data: Path, tmp_path: Path
) -> None:
    assert main([*arguments(data, tmp_path), '--jobs', '2']) == 0
    for one, two in zip(rows(report), rows(tmp_path), strict=True):
        assert {k: v for k, v in one.items() if k not in TIMES} == {
            k: v for k, v in two.items() if k not in TIMES
        }


def test_page_shows_tables_curves_pictures_and_what_is_left_out(report: Path) -> None:
    html = (report / 'report.html').read_text()
    for text in (
        'Clip left out: short. none of its 3 distinct frames', 'const_velocity',
        'By the gap to the newest reference', '<svg', 'class="gallery"', 'data:image/jpeg;base64,',
        'two references', '95 %', 'siammcvae_core.evaluate',
    ):  # fmt: skip
        assert text in html
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', html) == []  # opens offline


def test_preset_names_what_is_missing_beside_the_paper(data: Path, tmp_path: Path) -> None:
    given = ['--data', str(data / 'day'), '--out', str(tmp_path), '--table', '1', '--jobs', '1']
    small = ['--size', '64x64', '--samples', '1', '--seeds', '0', '--gaps', '1']
    assert main([*given, *small]) == 0
    report = json.loads((tmp_path / 'report.json').read_text())
    scored = {row['method'] for row in report['rows']}
    assert scored == {'copy', 'const_velocity', 'visible_flow', 'drive'}  # whose weights ship
    assert {'mae', 'paper', 'videomae@vit_l', 'siammae'} <= set(report['missing'])
    assert len(report['paper']) == 7
    html = (tmp_path / 'report.html').read_text()
    assert 'Not in this report: mae_st. no weights' in html
    assert html.count('paper, BDD100K') == 7
    assert '197.37' in html


def test_broken_clip_is_named(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / 'clips'
    shutil.copytree(data / 'day', folder / 'day')
    (folder / 'day' / '10.png').write_bytes(b'no image')
    assert main(arguments(folder, tmp_path / 'out')) == 0
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    assert report['broken'] == {'day': '10.png cannot be decoded as an image'}


def test_dead_process_is_one_line(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Dying(ProcessPoolExecutor):
        def submit(self, *_: object) -> Future[None]:  # type: ignore[override]
            return super().submit(os._exit, 9)

    monkeypatch.setattr(jobs, 'ProcessPoolExecutor', Dying)
    assert main([*arguments(data, tmp_path), '--jobs', '2']) == 1
    assert 'evaluate: a process died' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        (['--methods', 'copy,coppy'], "no method 'coppy'"),
        (['--methods', 'copy,mae'], 'method mae: no weights'),
        (['--methods', ','], 'expected names separated by commas'),
        (['--masks', 'random'], 'expected a ratio'),
        (['--masks', 'rnadom:0.5'], 'unknown fault'),
        (['--gaps', '0'], "gap '0'"),
        (['--gaps', '20'], 'no clip can be used'),
        (['--size', 'big'], 'expected WIDTHxHEIGHT'),
        (['--seeds', 'a'], 'expected whole numbers'),
        (['--jobs', '-1'], '--jobs must be'),
        (['--data', 'nowhere'], 'no such file or folder'),
        (['--weights', 'mae=nowhere'], 'no such weights file'),
    ],
)
def test_unusable_input_is_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert main(arguments(data, tmp_path / 'out', *more)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count('\n') == 1


def test_unwritable_folder_is_refused_before_the_work(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'file').write_text('')
    assert main(arguments(data, tmp_path / 'file' / 'out')) == 2
    assert 'cannot be made' in capsys.readouterr().err
