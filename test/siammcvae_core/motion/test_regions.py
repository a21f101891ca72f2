# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A rectangle or tiles: both give the same lost pixels, and few pixels cost little."""

import cv2
import numpy as np
import pytest

from siammcvae_core.motion.rectangle import Rectangle
from siammcvae_core.motion.regions import region_of, TILE, Tiles
from siammcvae_core.motion.warp import warp

SIZE = (90, 170)  # no whole number of tiles
MARGIN = 3


@pytest.fixture
def scattered():
    """Lost pixels at all corners, at an edge, and inside."""
    mask = np.zeros(SIZE, bool)
    for y, x in ((0, 0), (0, -1), (-1, 0), (-1, -1), (40, 0), (33, 77)):
        mask[y, x] = True
    mask[50:54, 100:133] = True
    return mask


@pytest.mark.parametrize('channels', [1, 3])
def test_tiles_give_what_a_rectangle_gives(scattered, channels):
    rng = np.random.default_rng(1)
    shape = SIZE if channels == 1 else (*SIZE, channels)
    image = cv2.GaussianBlur(rng.integers(0, 256, shape, np.uint8), (0, 0), 2)
    offset = cv2.GaussianBlur(rng.normal(0, 30, (22, 42, 2)).astype(np.float32), (0, 0), 3)
    restored = []
    for region in (Rectangle.around(scattered, MARGIN), Tiles.over(scattered, MARGIN)):
        dx, dy = (region.interpolate(np.ascontiguousarray(offset[..., k])) for k in (0, 1))
        warped = warp(image, cv2.merge([dx, dy]), region.pixels(), cv2.INTER_CUBIC)
        smooth = cv2.blur(warped, (3, 3), borderType=cv2.BORDER_REPLICATE)
        copied = region.cut(image)
        picture = np.zeros_like(image)
        region.put(cv2.addWeighted(smooth, 0.5, copied, 0.5, 0), picture)
        restored.append(picture[scattered].astype(int))
    assert np.abs(restored[0] - restored[1]).max() <= 2
    assert np.abs(restored[0] - restored[1]).mean() < 0.3


def test_scattered_pixels_are_tiled_and_a_dense_hole_is_a_rectangle(scattered):
    tiles = region_of(scattered, MARGIN)
    assert isinstance(tiles, Tiles)
    assert tiles.height == 9 * (TILE + 2 * MARGIN)
    scattered[10:-10] = True
    assert isinstance(region_of(scattered, MARGIN), Rectangle)


@pytest.mark.parametrize('size', [(1, 1), (15, 400), (400, 15)])
def test_frames_smaller_than_a_tile_are_a_rectangle(size):
    mask = np.zeros(size, bool)
    mask[0, 0] = mask[-1, -1] = True
    region = region_of(mask, MARGIN)
    image = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    back = np.zeros_like(image)
    region.put(region.cut(image), back)
    np.testing.assert_array_equal(back[mask], image[mask])


def test_only_lost_tiles_are_written(scattered):
    image = np.zeros(SIZE, np.uint8)
    tiles = Tiles.over(scattered, MARGIN)
    tiles.put(np.full((tiles.height, tiles.side), 7, np.uint8), image)
    assert (image[scattered] == 7).all()
    assert np.count_nonzero(image) <= len(tiles.tops) * TILE**2
