# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames, fault masks at frame and grid size, and pasting."""

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from siammcvae_core.errors import FrameError
from siammcvae_core.frames import check_frame, format_size, full_mask, paste

SIZES = [(360, 640), (720, 1280), (1080, 1920), (375, 1242), (603, 966)]


@pytest.mark.parametrize('shape', [(4, 6, 3), (4, 6), (1, 1, 3), (1, 1)])
def test_colour_and_grey_frames_are_taken(shape):
    check_frame(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ('frame', 'reason'),
    [
        (np.zeros((4, 6, 3), np.float32), 'unsupported_type'),
        (np.zeros((4, 6), np.uint16), 'unsupported_type'),
        ([[1, 2], [3, 4]], 'unsupported_type'),
        (None, 'unsupported_type'),
        (np.zeros((4, 6, 4), np.uint8), 'unsupported_shape'),
        (np.zeros((4, 6, 1), np.uint8), 'unsupported_shape'),
        (np.zeros(24, np.uint8), 'unsupported_shape'),
        (np.zeros((2, 4, 6, 3), np.uint8), 'unsupported_shape'),
        (np.zeros((0, 6, 3), np.uint8), 'empty_image'),
        (np.zeros((4, 0), np.uint8), 'empty_image'),
        (np.zeros((4, 12, 3), np.uint8)[:, ::2], 'not_contiguous'),
        (np.asfortranarray(np.zeros((4, 6), np.uint8)), 'not_contiguous'),
    ],
)
def test_unfit_frames_are_refused_by_name(frame, reason):
    with pytest.raises(FrameError) as caught:
        check_frame(frame)
    assert caught.value.reason == reason
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('cell', [8, 16, 32])
def test_grid_mask_covers_exactly_its_cells(size, cell):
    rows, cols = -(-size[0] // cell), -(-size[1] // cell)
    grid = np.random.default_rng(0).random((rows, cols)) < 0.3
    lost = full_mask(grid, size)
    assert lost.shape == size
    assert lost.dtype == np.bool_
    y, x = np.mgrid[: size[0], : size[1]]
    np.testing.assert_array_equal(lost, grid[y // cell, x // cell])


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    cell=st.integers(1, 40),
    seed=st.integers(0),
)
@settings(max_examples=200, deadline=None)
def test_any_grid_is_expanded_as_made_or_refused_as_ambiguous(height, width, cell, seed):
    grid = np.random.default_rng(seed).random((-(-height // cell), -(-width // cell))) < 0.5
    fitting = [
        k
        for k in range(1, max(height, width) + 1)
        if grid.shape == (-(-height // k), -(-width // k))
    ]
    exact = [k for k in fitting if (grid.shape[0] * k, grid.shape[1] * k) == (height, width)]
    expected = (exact or fitting)[0] if exact or len(fitting) == 1 else None
    if expected is None and fitting:
        with pytest.raises(FrameError, match='alike'):
            full_mask(grid, (height, width))
        return
    y, x = np.mgrid[:height, :width]
    k = expected or max(height, width)  # a cell larger than the frame: one cell
    np.testing.assert_array_equal(full_mask(grid, (height, width)), grid[y // k, x // k])


@pytest.mark.parametrize('value', [1, 2, 128, 255])
def test_every_value_but_zero_means_lost(value):
    mask = np.zeros((5, 7), np.uint8)
    mask[1, 2] = value
    lost = full_mask(mask, (5, 7))
    assert lost.dtype == np.bool_
    assert np.argwhere(lost).tolist() == [[1, 2]]


def test_bool_mask_of_frame_size_is_not_copied():
    mask = np.zeros((5, 7), bool)
    assert full_mask(mask, (5, 7)) is mask


@pytest.mark.parametrize('order', ['reversed', 'fortran', 'read_only'])
def test_memory_layout_of_a_mask_does_not_matter(order):
    mask = (np.random.default_rng(1).random((9, 11)) < 0.5).astype(np.uint8)
    laid = {'reversed': mask[::-1].copy()[::-1], 'fortran': np.asfortranarray(mask)}.get(
        order, mask
    )
    laid.flags.writeable = False
    np.testing.assert_array_equal(full_mask(laid, (9, 11)), mask != 0)
    np.testing.assert_array_equal(full_mask(laid, (90, 110)), np.kron(mask, np.ones((10, 10))) != 0)


@pytest.mark.parametrize(
    ('mask', 'reason'),
    [
        (np.full((36, 64), np.nan, np.float32), 'mask_type'),
        (np.zeros((36, 64), np.int64), 'mask_type'),
        (None, 'mask_type'),
        (np.zeros((36, 64, 3), np.uint8), 'mask_size'),
        (np.zeros((64, 36), np.uint8), 'mask_size'),
        (np.zeros((37, 64), np.uint8), 'mask_size'),
        (np.zeros((72, 128), np.uint8), 'mask_size'),
        (np.zeros((0, 0), np.uint8), 'mask_size'),
        (np.zeros((0, 64), np.uint8), 'mask_size'),
        (np.zeros(36 * 64, np.uint8), 'mask_size'),
    ],
)
def test_unfit_masks_are_refused_by_name(mask, reason):
    with pytest.raises(FrameError) as caught:
        full_mask(mask, (36, 64))
    assert caught.value.reason == reason
    assert '\n' not in str(caught.value)


def test_sizes_are_written_width_first():
    assert format_size((360, 640)) == '640x360'
    assert format_size((360, 640, 3)) == '640x360x3'
    assert format_size((5,)) == '5'
    with pytest.raises(FrameError, match='of 64x36 or its grid, got 64x36x3'):
        full_mask(np.zeros((36, 64, 3), np.uint8), (36, 64))


def test_refusal_of_a_size_says_which_sizes_fit():
    with pytest.raises(FrameError, match=r'41x23 .* 640x360 .* 40x23 for 16 px'):
        full_mask(np.zeros((23, 41), np.uint8), (360, 640))


@given(st.integers(0), st.booleans())
@settings(max_examples=50, deadline=None)
def test_paste_takes_every_pixel_from_the_right_side(seed, grey):
    rng = np.random.default_rng(seed)
    shape = (*rng.integers(1, 40, 2), *(() if grey else (3,)))
    frame, restored = rng.integers(0, 256, (2, *shape), dtype=np.uint8)
    mask = rng.random(shape[:2]) < rng.random()
    before = frame.copy(), restored.copy()
    pasted = paste(frame, restored, mask)
    np.testing.assert_array_equal(pasted[mask], restored[mask])
    np.testing.assert_array_equal(pasted[~mask], frame[~mask])
    assert not np.shares_memory(pasted, frame)
    assert not np.shares_memory(pasted, restored)
    np.testing.assert_array_equal((frame, restored), before)
