# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A box or tiles: the same lost pixels come of both, and work follows what is lost."""

import cv2
import numpy as np
import pytest

from siammcvae_core.motion.regions import Box, region_of, TILE, Tiles

SIZE = (90, 170)  # no whole number of tiles
MARGIN = 3


def box_at(top, left, height, width):
    return Box(top, left, height, width, (300, 500))


@pytest.fixture
def apart():
    """Lost pixels at all corners, at an edge, and inside."""
    mask = np.zeros(SIZE, bool)
    for y, x in ((0, 0), (0, -1), (-1, 0), (-1, -1), (40, 0), (33, 77)):
        mask[y, x] = True
    mask[50:54, 100:133] = True
    return mask


def test_a_box_is_cut_out_of_the_whole_map():
    plane = np.random.default_rng(0).random((24, 40)).astype(np.float32)
    whole, part = box_at(0, 0, 300, 500).of(plane), box_at(40, 70, 90, 110).of(plane)
    np.testing.assert_allclose(part, whole[40:130, 70:180], atol=2e-2)
    np.testing.assert_allclose(whole, cv2.resize(plane, (500, 300)), atol=2e-2)


@pytest.mark.parametrize('channels', [1, 3])
def test_tiles_give_what_a_box_gives(apart, channels):
    rng = np.random.default_rng(1)
    shape = SIZE if channels == 1 else (*SIZE, channels)
    image = cv2.GaussianBlur(rng.integers(0, 256, shape, np.uint8), (0, 0), 2)
    offset = cv2.GaussianBlur(rng.normal(0, 30, (22, 42, 2)).astype(np.float32), (0, 0), 3)
    made = []
    for region in (Box.around(apart, MARGIN), Tiles.over(apart, MARGIN)):
        dx, dy = (region.of(np.ascontiguousarray(offset[..., k])) for k in (0, 1))
        moved = cv2.blur(region.moved(image, dx, dy, cv2.INTER_CUBIC), (3, 3),
                         borderType=cv2.BORDER_REPLICATE)  # fmt: skip
        copied = region.cut(image)
        picture = np.zeros_like(image)
        region.put(cv2.addWeighted(moved, 0.5, copied, 0.5, 0), picture)
        made.append(picture[apart].astype(int))
    assert np.abs(made[0] - made[1]).max() <= 2
    assert np.abs(made[0] - made[1]).mean() < 0.3


def test_what_lies_apart_is_tiled_and_what_lies_together_boxed(apart):
    tiles = region_of(apart, MARGIN)
    assert isinstance(tiles, Tiles)
    assert tiles.height == 9 * (TILE + 2 * MARGIN)
    apart[10:-10] = True
    assert isinstance(region_of(apart, MARGIN), Box)


@pytest.mark.parametrize('size', [(1, 1), (15, 400), (400, 15)])
def test_frames_smaller_than_a_tile_are_boxed(size):
    mask = np.zeros(size, bool)
    mask[0, 0] = mask[-1, -1] = True
    region = region_of(mask, MARGIN)
    image = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    back = np.zeros_like(image)
    region.put(region.cut(image), back)
    np.testing.assert_array_equal(back[mask], image[mask])


def test_nothing_but_lost_tiles_is_written(apart):
    image = np.zeros(SIZE, np.uint8)
    tiles = Tiles.over(apart, MARGIN)
    tiles.put(np.full((tiles.height, tiles.side), 7, np.uint8), image)
    assert (image[apart] == 7).all()
    assert np.count_nonzero(image) <= len(tiles.tops) * TILE**2
