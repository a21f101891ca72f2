# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark: complete rows of the frames it names, counts of work, targets, its page."""

from functools import partial
import json
import math
from pathlib import Path
import subprocess
import sys

import cv2
import numpy as np
import pytest
from support.weights import write_small_drive

from siammcvae_core.benchmark import ceilings
from siammcvae_core.benchmark.__main__ import main
from siammcvae_core.benchmark.cases import draw_cells
from siammcvae_core.benchmark.ceilings import Ceilings, measure
from siammcvae_core.benchmark.memory import Memory
from siammcvae_core.benchmark.methods import AHEAD, load_methods, parse_methods, TimedMethod
from siammcvae_core.benchmark.page import write_page
from siammcvae_core.benchmark.targets import targets
from siammcvae_core.benchmark.timing import time_all
from siammcvae_core.data.clips import write_video
from siammcvae_core.engines.stage_timer import StageTimer
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.metrics import psnr
from siammcvae_core.simulation.drive import DriveSim

SMALL = ['--sizes', '96x64', '--masks', 'block:0.05,full', '--repeats', '2']


@pytest.fixture(scope='module')
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write random weights of a small drive model whose predictions vary over the frame."""
    pytest.importorskip('torch', reason='PyTorch is not installed')
    return write_small_drive(tmp_path_factory.mktemp('weights') / 'random.safetensors')


@pytest.fixture(scope='module')
def cells():
    return draw_cells('', [(64, 96)], ['random:0.5', 'full'], 1)


@pytest.fixture(autouse=True)
def quick_ceilings(monkeypatch):
    """Measure the machine on small matrices and copies."""
    monkeypatch.setattr(ceilings, 'ROUNDS', 1)
    monkeypatch.setattr(ceilings, 'SIDE', 32)
    monkeypatch.setattr(ceilings, 'BLOCK', 2**10)


@pytest.fixture
def threads():
    """Restore the numbers of threads of PyTorch and OpenCV afterwards."""
    torch = pytest.importorskip('torch', reason='PyTorch is not installed')
    before = torch.get_num_threads(), cv2.getNumThreads()
    yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


def test_a_run_gives_a_row_for_everything_and_a_page(weights, tmp_path, capsys, threads):
    out, docs = tmp_path / 'new' / 'rows.json', tmp_path / 'docs'
    methods = 'torch_bfloat16,torch_float32,visible_flow,copy'
    options = ['--weights', str(weights), '--methods', methods, '--cameras', '1,2']
    assert main(['--out', str(out), '--docs', str(docs), *SMALL, *options]) == 0
    report = json.loads(out.read_text())
    rows = report['rows']
    assert len({(r['method'], r['mask'], r['cameras']) for r in rows}) == len(rows) == 4 * 2 * 2
    assert {row['size'] for row in rows} == {'96x64'}
    copied = {r['psnr_lost'] for r in rows if (r['method'], r['mask']) == ('copy', 'full')}
    (_, whole) = draw_cells('', [(64, 96)], ['block:0.05', 'full'], 2)
    by_hand = np.mean([psnr(case.reference_frames[0].frame, case.truth) for case in whole.cases])
    assert len(copied) == 1
    assert copied.pop() == pytest.approx(by_hand)
    for row in rows:
        assert row['p50_ms'] > 0
        assert row['rounds'] == 2 // row['cameras']
        if row['profile']:
            stages = row['stages_ms']
            assert list(stages) == [*AHEAD, 'features', 'crop', 'network', 'composite', 'paste']
            assert row['over_floor'] == pytest.approx(row['network_ms'] / row['floor_ms'])
            assert row['agrees']
    first, *_ = rows
    assert (first['method'], first['engine'], first['dtype'], first['profile'], first['off_mean']) \
        == ('torch_float32', 'torch', 'float32', 'small', 0)  # fmt: skip
    alone, both = (r for r in rows if (r['method'], r['mask']) == ('torch_float32', 'full'))
    assert both['floor_ms'] == pytest.approx(2 * alone['floor_ms'])
    assert 0 < first['gflop'] < 0.95 * alone['gflop']  # a block against the whole frame
    page = (docs / 'benchmarks.md').read_text()
    assert report['command'] in page
    assert '--cameras 1,2' in report['command']
    assert '### 2 cameras, 96x64' in page
    assert 'A projection, not a measurement' in page
    assert cv2.imread(str(docs / 'pictures' / 'benchmarks.png')) is not None
    assert capsys.readouterr().out.splitlines()[-1] == str(docs / 'benchmarks.md')


def test_weights_are_timed_beside_others(weights, tmp_path, threads):
    other = write_small_drive(tmp_path / 'other.safetensors', cell=8, candidates=3)
    out = tmp_path / 'rows.json'
    options = ['--methods', 'torch_float32,copy', '--weights', str(weights), str(other)]
    assert main(['--out', str(out), *SMALL, *options]) == 0
    rows = [row for row in json.loads(out.read_text())['rows'] if row['mask'] == 'full']
    assert [row['method'] for row in rows] == ['torch_float32', 'torch_float32@other', 'copy']
    assert [row.get('off_mean') for row in rows] == [0, 0, None]  # each like its own first library
    assert rows[1]['gflop'] < 0.7 * rows[0]['gflop']  # its cells are four times as large


def test_classical_methods_do_not_import_torch(tmp_path):
    code = (
        'import sys\n'
        'from siammcvae_core.benchmark import ceilings\n'
        'from siammcvae_core.benchmark.__main__ import main\n'
        'ceilings.BLOCK = 1024\n'
        f'status = main(["--out", {str(tmp_path / "rows.json")!r}, "--methods", "copy,telea",\n'
        f'               *{SMALL!r}])\n'
        'sys.exit(status or "torch" in sys.modules)\n'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / 'rows.json').read_text())
    assert report['ceilings']['gflops'] == {}
    assert report['projection'] == []
    assert {row['method'] for row in report['rows']} == {'copy', 'telea'}


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (['--methods', 'copy,hope'], "no method 'hope'"),
        (['--methods', 'copy', '--sizes', 'huge'], 'expected WIDTHxHEIGHT'),
        (['--methods', 'copy', '--sizes', '8x8'], '--sizes must be 32 to 4096'),
        (['--methods', 'copy', '--masks', 'hail:0.5'], "unknown fault 'hail'"),
        (['--methods', 'copy', '--cameras', '0'], '--cameras must be 1 or more'),
        (['--methods', 'copy', '--repeats', '0'], '--repeats and --threads'),
        (['--methods', 'copy', '--data', 'absent.mp4'], 'no such file or folder: absent.mp4'),
    ],
)
def test_what_cannot_be_used_is_one_line(options, said, tmp_path, capsys):
    assert main(['--out', str(tmp_path / 'rows.json'), *options]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]


def test_missing_weights_are_named(tmp_path, capsys, threads):
    options = ['--methods', 'torch_float32', '--weights', str(tmp_path / 'absent.safetensors')]
    assert main(['--out', str(tmp_path / 'rows.json'), *SMALL, *options]) == 2
    assert 'absent.safetensors' in capsys.readouterr().err


def test_the_timed_restoration_is_the_engines(weights, cells, threads):
    from siammcvae_core.engines.drive import DriveEngine

    (method,) = load_methods([], parse_methods(['torch_float32'])[1], [weights])
    engine = DriveEngine(weights)
    for case in (cell.cases[0] for cell in cells):
        frame = method.restore(case, StageTimer())
        restored = engine.restore(case.references(), case.frame, case.mask, case.stamp).frame
        np.testing.assert_array_equal(frame[case.mask], restored[case.mask])
        np.testing.assert_array_equal(frame[~case.mask], case.truth[~case.mask])


def test_compiled_pytorch_is_timed_if_named(weights, cells, threads, monkeypatch):
    import torch

    # All but the generation of C++ code, which takes a minute and a compiler.
    monkeypatch.setattr(torch, 'compile', partial(torch.compile, backend='aot_eager'))
    names = ['torch_float32', 'torch_compiled_float32']
    methods = list(load_methods([], parse_methods(names)[1], [weights]))
    assert [method.name for method in methods] == names
    eager, compiled = (
        method.restore(cells[0].cases[0], StageTimer()).astype(int) for method in methods
    )
    assert np.abs(compiled - eager).max() <= 1
    assert 'torch_compiled_float32' not in parse_methods(['drive'])[1]


def test_work_follows_damage_and_matches_a_count_by_hand(weights, threads):
    from siammcvae_core.benchmark.work import WorkCounter

    little, much = draw_cells('', [(160, 256)], ['block:0.05', 'full'], 1)
    counter = WorkCounter(weights)
    one, all_of_it = (counter.count(cell.cases[0]) for cell in (little, much))
    assert one.restore_flop < 0.7 * all_of_it.restore_flop
    assert one.encode_flop == all_of_it.encode_flop
    assert all_of_it.frame_bytes == 160 * 256 * (4 * 3 + 1)
    assert all_of_it.network_bytes('float32') == 2 * all_of_it.network_bytes('bfloat16')
    assert math.isnan(all_of_it.network_bytes('int4'))
    patches, width, latent, depth = 10 * 16, 32, 16, 2
    block = (4 + 2 * 3) * width**2 + 2 * patches * width  # multiply-adds per patch
    around = (3 * 16**2 + 2) * width + width * latent
    assert one.encode_flop == 2 * patches * (depth * block + around)


def test_methods_take_turns(cells):
    calls, shown = [], []

    def restoring(name):
        def restore(case, timer):
            calls.append(name)
            shown.append(case.index)
            timer.seconds |= {'encode': 5.0, 'network': 1.0 + len(calls) / 1000}
            return case.frame

        return TimedMethod(name, restore)

    timed = time_all([restoring(name) for name in 'abc'], cells[:1], [1, 2], 4)
    assert ''.join(calls[:9]) == 'abc' + 'aabbcc'  # a round of one camera, then one of two
    assert ''.join(calls[9:12]) == 'bca'
    assert shown[3] != shown[4]  # another camera shows something else
    assert shown[0] != shown[9]
    assert [len(one.rounds) for one in timed] == [4, 4, 4, 2, 2, 2]
    assert 1000 < timed[0].milliseconds(0.5) < 1100  # without the encoding
    assert 2000 < timed[3].milliseconds(0.5) < 2200
    assert timed[0].stages()['encode'] == 5000


def test_frames_come_from_a_clip_and_are_the_same_each_time(tmp_path):
    drive = DriveSim(size=(96, 64), frames=6)
    with write_video(tmp_path / 'drive.mp4', 10) as append:
        for index in range(6):
            append(drive.render(index))
    (first,), (again,) = (
        draw_cells(str(tmp_path / 'drive.mp4'), [(64, 96)], ['random:0.5'], 1) for _ in range(2)
    )
    assert len(first.cases) == 3
    for one, other in zip(first.cases, again.cases, strict=True):
        np.testing.assert_array_equal(one.frame, other.frame)
        assert psnr(one.truth, drive.render(one.index)) > 25
        assert one.mask.mean() == pytest.approx(0.5, abs=0.1)
    with pytest.raises(SourceError, match='has 4 frames with two before, 8 are needed'):
        draw_cells(str(tmp_path / 'drive.mp4'), [(64, 96)], ['full'], 8)


def test_ceilings_bound_by_compute_or_memory():
    limits = Ceilings({'float32': 100.0}, 10.0).best(Ceilings({'float32': 80.0}, 20.0))
    assert limits == Ceilings({'float32': 100.0}, 20.0)
    assert limits.floor_ms(1e9, 1e6, 'float32') == pytest.approx(10)
    assert limits.floor_ms(1e6, 1e9, 'float32') == pytest.approx(50)
    assert math.isnan(limits.floor_ms(1e9, 1e6, 'bfloat16'))
    measured = measure(1, with_torch=False)
    assert (measured.gflops, measured.copy_gbs > 0) == ({}, True)


def test_memory_records_its_peak():
    memory = Memory()
    if memory.gained() is None:
        pytest.skip('this system does not tell the peak of a process')
    block = np.ones(60_000_000, np.uint8)
    del block
    assert 55 < memory.gained() < 90
    assert Memory().gained() < 20


def row(method, mask, ratio, p50, **more):
    given = {
        'method': method, 'size': '640x368', 'mask': mask, 'ratio': ratio, 'cameras': 1,
        'p50_ms': p50, 'network_ms': p50 / 2, 'psnr_lost': 30.0, 'profile': 'drive',
        'agrees': True, 'off_mean': 0.01, 'off_top': 1.0,
    }  # fmt: skip
    return {**given, **more}


def test_targets_are_met_or_not():
    rows = [
        row('torch_float32', 'random', 0.75, 200.0),
        row('quick', 'random', 0.75, 100.0),
        row('wrong', 'random', 0.75, 10.0, agrees=False),
        row('quick', 'full', 1.0, 100.0),
        row('quick', 'band', 0.25, 50.0),
        row('quick', 'random', 0.05, 20.0),
        row('quick', 'random', 0.75, 140.0, size='1280x720'),
        row('visible_flow', 'random', 0.75, 110.0, profile='', psnr_lost=29.0),
    ]
    results = list(targets(rows))
    assert [target.met for target in results] == [True, True, False, True, True, True, True]
    assert results[0].measured == '2.00 × (whole restoration 2.00 ×)'
    assert results[2].measured == '0.50 × (50 ms, 100 ms)'
    assert list(targets(rows[-1:])) == []


def test_a_page_that_cannot_be_written_is_named(tmp_path):
    rows = [row('quick', 'full', 1.0, 1.0, stages_ms={'network': 1.0})]
    with pytest.raises(InputError, match=r'cannot write .*benchmarks\.md'):
        write_page(tmp_path / 'absent', {'rows': rows})
