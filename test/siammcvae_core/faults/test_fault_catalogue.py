# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every fault keeps to when the injector strikes with it."""

from itertools import pairwise
from pathlib import Path
import re

import cv2
import numpy as np
import pytest

from siammcvae_core.faults.camera import FaultInjector, FAULTS, STATIC_FAULTS
from siammcvae_core.faults.gallery import main, SPECS
from siammcvae_core.faults.masks import WHOLE

SHAPES = [(96, 160, 3), (75, 121, 3), (75, 121), (33, 47), (8, 5, 3), (1, 1)]
BY_HISTORY = ('freeze', 'tearing', 'motion', 'h264')
DOCS = Path(__file__).parents[3] / 'docs'


def drive(count, shape=(96, 160, 3), step=3):
    """Move a smooth picture to the left; frames that a fault writes to fail loudly."""
    height, width = shape[:2]
    colours = np.random.default_rng(0).integers(20, 236, (7, 12 + count * step, 3), np.uint8)
    wide = cv2.resize(colours, (width + count * step, height), interpolation=cv2.INTER_CUBIC)
    frames = []
    for i in range(count):
        frame = wide[:, i * step : i * step + width]
        frame = np.ascontiguousarray(frame if len(shape) == 3 else frame[..., 0])
        frame.setflags(write=False)
        frames.append(frame)
    return frames


def strike(name, frames, ratio=0.3, seed=1, burst=1000):
    spec = name if name in WHOLE else f'{name}:{ratio}'
    injector = FaultInjector([spec], 1.0, seed, burst)
    return [injector.inject(i, frame) for i, frame in enumerate(frames)]


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('name', FAULTS)
def test_outside_the_mask_every_pixel_is_the_input(name, shape):
    frames = drive(4, shape)
    results = strike(name, frames)
    for frame, result in zip(frames, results, strict=True):
        assert result.frame.shape == frame.shape
        assert result.frame.dtype == np.uint8
        assert result.frame.flags.c_contiguous
        assert result.mask.dtype == bool
        assert result.mask.shape == frame.shape[:2]
        assert np.array_equal(result.frame[~result.mask], frame[~result.mask])
        assert bool(result.fault) == bool(result.mask.any())
    if min(shape[:2]) > 8:
        assert all(result.fault for result in results)
        changed = [
            np.mean(r.frame[r.mask] != f[r.mask]) for f, r in zip(frames, results, strict=True)
        ]
        assert np.mean(changed) > 0.5  # the content is really gone


@pytest.mark.parametrize('name', FAULTS)
def test_the_same_seed_gives_the_same_frames(name):
    frames = drive(4)
    for a, b in zip(strike(name, frames), strike(name, frames), strict=True):
        assert np.array_equal(a.frame, b.frame)
        assert np.array_equal(a.mask, b.mask)
        assert a.fault == b.fault


@pytest.mark.parametrize('name', sorted(set(FAULTS) - {*BY_HISTORY, 'full', 'burn'}))
def test_another_seed_gives_another_fault(name):
    frame = drive(1)
    first, other = (strike(name, frame, seed=seed)[0] for seed in (1, 2))
    assert not np.array_equal(first.frame, other.frame)


@pytest.mark.parametrize('name', sorted(set(FAULTS) - set(BY_HISTORY)))
def test_without_history_the_order_of_frames_is_free(name):
    frames = drive(5)
    there = strike(name, frames)
    spec = there[0].fault
    injector = FaultInjector([spec], 1.0, 1, 1000)
    for i in (3, 0, 4, 1, 2):
        back = injector.inject(i, frames[i])
        assert np.array_equal(back.frame, there[i].frame)
        assert np.array_equal(back.mask, there[i].mask)


@pytest.mark.parametrize('name', sorted(set(FAULTS) - {*WHOLE, 'h264'}))
@pytest.mark.parametrize('ratio', [0.02, 0.3, 1.0])
def test_the_number_is_the_lost_share(name, ratio):
    unit = 16 * 16 if name in ('random', 'grid', 'tube', 'motion', 'dual', 'slices') else 160
    level = 8 if name == 'burn' else 1  # a bright plateau goes as a whole
    for result in strike(name, drive(3), ratio):
        assert abs(int(result.mask.sum()) - ratio * 96 * 160) <= level * unit / 2


@pytest.mark.parametrize('name', sorted(set(FAULTS) - {*WHOLE, 'tearing'}))
def test_what_stays_stays_and_the_rest_is_drawn_anew(name):
    masks = [result.mask for result in strike(name, drive(4))]
    same = [np.array_equal(a, b) for a, b in pairwise(masks)]
    assert all(same) if name in STATIC_FAULTS else not all(same)


@pytest.mark.parametrize(
    'name', sorted({'random', 'noise', 'dead_rows', 'dead_columns', 'tearing'})
)
def test_lost_truth_leaves_no_trace(name):
    frames = drive(2)
    damaged = strike(name, frames)[1]
    other = frames[1].copy()
    other[damaged.mask] = 255 - other[damaged.mask]
    assert np.array_equal(strike(name, [frames[0], other])[1].frame, damaged.frame)


def test_the_docs_show_every_fault(tmp_path):
    assert sorted(spec.partition(':')[0] for spec in SPECS) == sorted(FAULTS)
    page = (DOCS / 'faults.md').read_text()
    for name in FAULTS:
        assert re.search(rf'^\| `{name}` \|.*\(pictures/faults_{name}\.jpg\) \|$', page, re.M)
        assert (DOCS / f'pictures/faults_{name}.jpg').is_file()
    assert main([str(tmp_path / 'new')]) == 0
    sizes = [file.stat().st_size for file in (tmp_path / 'new').iterdir()]
    assert len(sizes) == len(FAULTS)
    assert sum(sizes) < 600_000


def test_the_gallery_refuses_a_file_as_folder(tmp_path, capsys):
    (tmp_path / 'taken').write_text('')
    assert main([str(tmp_path / 'taken')]) == 2
    assert 'taken' in capsys.readouterr().err
