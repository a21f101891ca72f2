# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0

import cv2
import numpy as np
import pytest

from siammcvae_core.errors import InputError
from siammcvae_core.faults.masks import CELL, make_mask, parse_fault, PATTERNS

SIZES = [(360, 640), (368, 640), (375, 1242), (603, 966), (45, 80)]
RATIOED = sorted(set(PATTERNS) - {'full'})


def draw(spec, size, seed=0):
    return make_mask(spec, size, np.random.default_rng(seed))


def cells_of(mask):
    """Whether each 16 px cell holds any lost pixel, and whether it holds any intact one."""
    height, width = mask.shape
    padded = np.pad(mask, ((0, -height % CELL), (0, -width % CELL)), mode='edge')
    grid = padded.reshape(padded.shape[0] // CELL, CELL, padded.shape[1] // CELL, CELL)
    return grid.any(axis=(1, 3)), ~grid.all(axis=(1, 3))


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('name', RATIOED)
@pytest.mark.parametrize('ratio', [0.05, 0.3, 0.75, 1.0])
def test_ratio_is_met_to_half_a_unit(name, ratio, size):
    height, width = size
    level = 2 * max(2, height * width // 1000)  # pixels of dirt that are equally deep
    unit = {'band': width, 'block': height, 'dirt': level}.get(name, CELL * CELL)
    for seed in range(5):
        mask = draw(f'{name}:{ratio}', size, seed)
        assert mask.dtype == bool
        assert mask.shape == size
        assert mask.flags.c_contiguous
        assert abs(int(mask.sum()) - ratio * height * width) <= unit / 2


@pytest.mark.parametrize('name', RATIOED)
@pytest.mark.parametrize('size', [(1, 1), (3, 5), (16, 16), (17, 40)])
def test_tiny_frames_and_ratios_lose_at_least_something(name, size):
    assert 0 < draw(f'{name}:0.001', size).sum() <= size[0] * size[1]


@pytest.mark.parametrize('name', RATIOED)
def test_seed_decides_and_varies(name):
    first = draw(f'{name}:0.3', (375, 1242), 1)
    assert np.array_equal(first, draw(f'{name}:0.3', (375, 1242), 1))
    assert not np.array_equal(first, draw(f'{name}:0.3', (375, 1242), 2))


@pytest.mark.parametrize('name', ['random', 'slices', 'grid'])
def test_cells_are_lost_whole(name):
    for size in SIZES:
        some_lost, some_kept = cells_of(draw(f'{name}:0.4', size))
        assert not (some_lost & some_kept).any()


def test_random_cells_have_no_preferred_place():
    share = np.mean([draw('random:0.25', (64, 96), seed) for seed in range(400)], axis=0)
    assert np.abs(share - 0.25).max() < 0.1  # 4.6 sigma of 400 draws


def test_grid_keeps_one_cell_of_each_two_by_two():
    shifts = set()
    for seed in range(20):
        lost, _ = cells_of(draw('grid:0.75', (256, 352), seed))
        row, column = np.argwhere(~lost)[0]
        lattice = np.ones_like(lost)
        lattice[row::2, column::2] = False
        assert np.array_equal(lost, lattice)
        shifts.add((row, column))
    assert len(shifts) == 4


def test_grid_of_any_ratio_leaves_no_wide_gap():
    for ratio in (0.1, 0.4, 0.6, 0.9):
        lost, _ = cells_of(draw(f'grid:{ratio}', (368, 640), 3))
        gap = next(n for n in range(1, 9) if (1 - ratio) * n * n >= 1)  # cells per kept one
        windows = np.lib.stride_tricks.sliding_window_view(lost, (2 * gap, 2 * gap))
        assert not windows.all(axis=(2, 3)).any()


def test_dirt_is_a_few_blobs_with_smooth_outlines():
    for seed in range(10):
        mask = draw('dirt:0.2', (360, 640), seed)
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8))
        assert 2 <= count - 1 <= 40
        edge = np.count_nonzero(np.diff(mask, axis=0)) + np.count_nonzero(np.diff(mask, axis=1))
        assert edge < 0.15 * mask.sum()  # scattered cells of 16 px would have 0.19 and more
        assert stats[1:, cv2.CC_STAT_AREA].max() > 1000


def test_slices_are_few_long_runs_and_span_rows():
    columns = 640 // CELL
    spanning = 0
    for seed in range(20):
        lost, _ = cells_of(draw('slices:0.4', (368, 640), seed))
        edges = np.flatnonzero(np.diff(lost.ravel().astype(int), prepend=0, append=0))
        starts, ends = edges[::2], edges[1::2]
        assert len(starts) <= 8
        spanning += int(np.any(starts // columns < (ends - 1) // columns))
    assert spanning >= 15


def test_band_is_one_run_of_whole_rows():
    mask = draw('band:0.25', (375, 1242), 4)
    rows = mask.all(axis=1)
    assert np.array_equal(mask.any(axis=1), rows)
    assert np.count_nonzero(np.diff(rows.astype(int), prepend=0, append=0)) == 2


def test_block_is_one_rectangle():
    for seed in range(20):
        mask = draw('block:0.2', (603, 966), seed)
        tall, wide = mask.any(axis=1).sum(), mask.any(axis=0).sum()
        assert mask.sum() == tall * wide
        assert 0.45 < tall / wide < 2.2


def test_full():
    assert draw('full', (7, 9)).all()
    assert draw('full:1.0', (7, 9)).all()


def test_parse():
    assert parse_fault('band:0.25') == ('band', 0.25)
    assert parse_fault('full') == ('full', 1.0)
    assert parse_fault('freeze', ('freeze',)) == ('freeze', 1.0)


@pytest.mark.parametrize(
    ('spec', 'words'),
    [
        ('bnad:0.2', ["'bnad'", ', '.join(PATTERNS), "did you mean 'band'"]),
        ('freeze', ["'freeze'", 'random, grid']),
        ('', ["''", 'random, grid']),
        ('random', ['random:0.25']),
        ('random:lots', ['(0, 1]']),
        ('random:0', ['(0, 1]', 'got 0']),
        ('random:-0.5', ['(0, 1]', 'got -0.5']),
        ('random:1.5', ['(0, 1]', 'got 1.5']),
        ('random:nan', ['(0, 1]', 'got nan']),
        ('full:0.5', ['whole frame']),
        ('full:', ['(0, 1]']),
    ],
)
def test_bad_specs_are_refused_in_one_line(spec, words):
    with pytest.raises(InputError) as error:
        draw(spec, (64, 64))
    assert '\n' not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_empty_size_is_refused():
    with pytest.raises(InputError, match='640x0'):
        draw('random:0.5', (0, 640))
